import { join } from 'node:path';
import {
  CONTROL_FILE,
  ControlClient,
  notRunning,
  parseControlFile,
} from '#protocol/command-line/control-client.js';
import { readPrivateFile } from '#journal/private-file.js';

/** The running hub of a data folder. Rejects with EDGE_NOT_RUNNING. */
export async function connect(dataDir: string): Promise<ControlClient> {
  const text = await readPrivateFile(join(dataDir, CONTROL_FILE));
  if (text === undefined) throw notRunning();
  return new ControlClient(parseControlFile(text), globalThis.fetch);
}
