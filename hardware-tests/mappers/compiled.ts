import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A C source of this folder. */
export function source(name: string): string {
  return fileURLToPath(new URL(`../../../hardware-tests/mappers/${name}`, import.meta.url));
}

/** The program of a C source of this folder, with libmodbus; the way to remove it. */
export function compiled(name: string): { readonly program: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'edgetwin-c-'));
  const program = join(folder, name);
  const flags = ['-O1', '-I/usr/include/modbus', source(`${name}.c`), '-lmodbus', '-o', program];
  spawnSync('gcc', flags);
  return { program, remove: () => rmSync(folder, { recursive: true }) };
}

/** Whether this machine has a C compiler and libmodbus. */
export function hasLibmodbus(): boolean {
  const flags = ['-E', '-I/usr/include/modbus', '-include', 'modbus.h', '-'];
  return spawnSync('gcc', flags, { input: '' }).status === 0;
}
