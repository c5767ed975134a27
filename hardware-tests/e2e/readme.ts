import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export function readme(): Promise<string> {
  return readFile(join(ROOT, 'README.md'), 'utf8');
}

/** The fenced blocks with this mark behind the fence, in order. */
export async function blocksOf(mark: string): Promise<string[]> {
  return (await fences()).filter(([, info]) => info === mark).map(([, , text]) => text ?? '');
}

export async function blockMarks(): Promise<Set<string>> {
  return new Set((await fences()).map(([, info]) => info ?? ''));
}

async function fences(): Promise<RegExpExecArray[]> {
  return [...(await readme()).matchAll(/^```(.*)\n([^]*?)^```$/gm)];
}
