import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { METER, Program } from '../programs.js';

const DOCUMENTS = fileURLToPath(
  new URL('../../../hardware-tests/playground/meter.yaml', import.meta.url),
);

export function startMeter(): Promise<Program> {
  return Program.start('meter', METER, ['--port', '0', '--json']);
}

/** Device documents of the playground's meter, at the address where this one listens. */
export async function meterDocuments(meter: Program): Promise<string> {
  const address = meter.address('address');
  const documents = await readFile(DOCUMENTS, 'utf8');
  return documents.replace(/\b5020\b/g, address.slice(address.lastIndexOf(':') + 1));
}
