import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgeError } from '#protocol/errors.js';
import { type Random, randomId } from '#protocol/random.js';
import { type BackupEvent, type BackupHead, decodeBackup } from './backup-codec.js';
import { STORE_PART } from './backup-parts.js';
import { BACKUP_LIMITS } from './limits.js';
import { RowTables } from './row-tables.js';
import { errnoOf, storageError } from './storage-error.js';

/** Only its owner may read it: it has what devices said, and perhaps keys. */
const FILE_MODE = 0o600;

/** What a backup holds, all of it checked. */
export interface BackupContent {
  readonly head: BackupHead;
  readonly tables: RowTables;
  /** The files, by their path in the data folder. */
  readonly files: readonly string[];
  readonly bytes: number;
}

/**
 * Writes `chunks` to a new file of mode 0600 that has its name only once it is whole and durable.
 * Rejects with EDGE_CONFLICT when `path` exists and not `force`, EDGE_STORAGE; then nothing is left.
 */
export async function writeBackupFile(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { random, force }: { readonly random: Random; readonly force: boolean },
): Promise<{ readonly bytes: number }> {
  const temporary = `${path}.${randomId(random)}.tmp`;
  let bytes = 0;
  let reserved = false;
  try {
    // An empty file takes the name first: a rename would replace what someone else puts there.
    if (!force) await (await open(path, 'wx', FILE_MODE)).close();
    reserved = !force;
    const file = await open(temporary, 'wx', FILE_MODE);
    try {
      for await (const chunk of chunks) {
        await file.writeFile(chunk);
        bytes += chunk.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    const folder = await open(dirname(path), 'r');
    await folder.sync().finally(() => folder.close());
  } catch (thrown) {
    for (const half of [temporary, ...(reserved ? [path] : [])])
      await rm(half, { force: true }).catch(() => undefined);
    if (errnoOf(thrown) === 'EEXIST') throw exists(path);
    throw storageError('write', path, thrown);
  }
  return { bytes };
}

function exists(path: string): EdgeError {
  return new EdgeError('EDGE_CONFLICT', `${path} exists`, {
    hint: 'Name another file, or replace it with --force.',
  });
}

/** What a backup file says. Rejects with EDGE_STORAGE, and as `decodeBackup` does. */
export async function* readBackupFile(path: string): AsyncGenerator<BackupEvent> {
  const chunks = createReadStream(path, { highWaterMark: BACKUP_LIMITS.frameBytes });
  try {
    yield* decodeBackup(chunks as AsyncIterable<Uint8Array>);
  } catch (thrown) {
    throw storageError('read', path, thrown);
  } finally {
    chunks.destroy();
  }
}

/** Reads a backup to its end and checks all of it; its rows are in memory then. */
export async function verifyBackup(path: string): Promise<BackupContent> {
  const rows = new RowLines();
  const files: string[] = [];
  let head: BackupHead | undefined;
  let part = '';
  let bytes = 0;
  let hasStore = false;
  for await (const event of readBackupFile(path)) {
    if (event.kind === 'head') ({ head } = event);
    if (event.kind === 'part') part = event.name;
    if (event.kind === 'data' && part === STORE_PART) rows.push(event.bytes);
    if (event.kind !== 'end') continue;
    bytes += event.bytes;
    if (part === STORE_PART) {
      rows.end();
      hasStore = true;
    } else files.push(part);
  }
  if (head === undefined || !hasStore) throw notWhole('it has no rows');
  return { head, tables: rows.tables, files, bytes };
}

/** Lines of `[table,key,row]` that come in pieces. */
class RowLines {
  readonly tables = new RowTables();
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  push(bytes: Uint8Array): void {
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      const piece = bytes.slice(start, end < 0 ? undefined : end);
      this.#heldBytes += piece.length;
      if (this.#heldBytes > BACKUP_LIMITS.rowBytes) throw notWhole('a row is longer than any');
      this.#held.push(piece);
      if (end < 0) return;
      this.#row(Buffer.concat(this.#held));
      this.#held = [];
      this.#heldBytes = 0;
      start = end + 1;
    }
  }

  end(): void {
    if (this.#heldBytes > 0) throw notWhole('its last row is cut off');
  }

  #row(line: Buffer): void {
    const row = parseRow(line);
    if (row === undefined) throw notWhole('a line is not a row');
    this.tables.put(row);
  }
}

const NEWLINE = 0x0a;

function parseRow(line: Buffer): readonly [string, string, unknown] | undefined {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    if (!Array.isArray(value) || value.length !== 3 || value[2] === null) return undefined;
    const [table, key, row] = value as readonly unknown[];
    return typeof table === 'string' && typeof key === 'string' ? [table, key, row] : undefined;
  } catch {
    return undefined;
  }
}

function notWhole(why: string): EdgeError {
  return new EdgeError('EDGE_STORAGE_CORRUPT', `the backup cannot be used: ${why}`, {
    hint: 'Nothing was changed. Use another backup.',
  });
}
