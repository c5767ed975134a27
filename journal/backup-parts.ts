import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackupEvent, BackupPart } from './backup-codec.js';
import { BACKUP_LIMITS } from './limits.js';
import { type FrozenTables, OWN_TABLE } from './row-tables.js';
import { errnoOf, storageError } from './storage-error.js';

/** The name of the part that has all rows. */
export const STORE_PART = 'store';

/** All rows but the store's own, `[table,key,row]` a line; one chunk per turn of its reader. */
export function storePart(tables: FrozenTables): BackupPart {
  return { name: STORE_PART, content: () => linesOf(tables) };
}

async function* linesOf(tables: FrozenTables): AsyncGenerator<Uint8Array> {
  let lines = '';
  for (const [table, rows] of tables) {
    if (table === OWN_TABLE) continue;
    for (const [key, row] of rows) {
      lines += `${JSON.stringify([table, key, row])}\n`;
      if (lines.length < BACKUP_LIMITS.chunkBytes) continue;
      yield Buffer.from(lines, 'utf8');
      lines = '';
    }
  }
  if (lines !== '') yield Buffer.from(lines, 'utf8');
}

/**
 * The files `names` of the folder `root`, and all below it where a name is a folder, in the order
 * of their paths; those that are not there are left out. What is half made (`.tmp`, `.next`) is
 * left out, and a file that goes while the backup is made has no content.
 */
export async function* fileParts(
  root: string,
  names: readonly string[],
): AsyncGenerator<BackupPart> {
  for (const name of [...names].sort()) yield* partsBelow(root, name, BACKUP_LIMITS.depth);
}

async function* partsBelow(root: string, name: string, depth: number): AsyncGenerator<BackupPart> {
  const path = join(root, name);
  const found = await stat(path).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw storageError('read', path, thrown);
  });
  if (found?.isDirectory() === true && depth > 1) {
    const names = (await readdir(path)).filter((inner) => !/^\.|\.(tmp|next)$/.test(inner)).sort();
    for (const inner of names) yield* partsBelow(root, `${name}/${inner}`, depth - 1);
  } else if (found?.isFile() === true) {
    yield { name, content: () => contentOf(path) };
  }
}

async function* contentOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    const chunks = createReadStream(path, { highWaterMark: BACKUP_LIMITS.chunkBytes });
    for await (const chunk of chunks) yield chunk as Uint8Array;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return;
    throw storageError('read', path, thrown);
  }
}

/** The parts of a backup that is being read, for one that is being written: read each to its end. */
export async function* partsOf(events: AsyncIterator<BackupEvent>): AsyncGenerator<BackupPart> {
  for (;;) {
    const next = await events.next();
    if (next.done === true) return;
    if (next.value.kind !== 'part') continue;
    yield { name: next.value.name, content: () => dataOf(events) };
  }
}

async function* dataOf(events: AsyncIterator<BackupEvent>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await events.next();
    if (next.done === true || next.value.kind !== 'data') return;
    yield next.value.bytes;
  }
}
