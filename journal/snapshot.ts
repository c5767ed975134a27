import { crc32 } from './checksum.js';
import type { Storage } from './storage-port.js';
import { JOURNAL_LIMITS } from './limits.js';
import { type FrozenTables, RowTables } from './row-tables.js';
import { unsupportedFormat } from './segment-header.js';
import { corrupt } from './storage-error.js';

/** A place between two records of the journal. */
export interface JournalPosition {
  readonly segment: number;
  readonly offset: number;
  /** The CRC that the next record continues from. */
  readonly chain: number;
}

export interface Snapshot {
  /** The journal from here on leads from these rows to the newest ones. */
  readonly position: JournalPosition;
  readonly tables: RowTables;
}

const MAGIC = 'edgetwin-snapshot';
const VERSION = 1;

/**
 * Lines of JSON, which people can read: a head, `[table,key,row]` for each row in insertion order,
 * and a last line with the count of rows and the CRC-32 of everything before that line.
 * Resolves with the bytes written once the file is synced under `name`, which is not yet its
 * final one. Encodes one chunk per turn of the event loop.
 */
export async function writeSnapshot(
  storage: Storage,
  name: string,
  position: JournalPosition,
  tables: FrozenTables,
  signal: AbortSignal,
): Promise<number> {
  await storage.remove(name);
  const file = await storage.open(name);
  try {
    let written = 0;
    for (const chunk of encodeSnapshot(position, tables)) {
      signal.throwIfAborted();
      await file.write(written, chunk);
      written += chunk.length;
    }
    await file.sync();
    return written;
  } finally {
    await file.close();
  }
}

function* encodeSnapshot(position: JournalPosition, tables: FrozenTables): Generator<Uint8Array> {
  let crc = 0;
  let rows = 0;
  let pending = `${JSON.stringify({ magic: MAGIC, version: VERSION, position })}\n`;
  const flush = (): Uint8Array => {
    const chunk = Buffer.from(pending, 'utf8');
    crc = crc32(chunk, crc);
    pending = '';
    return chunk;
  };
  for (const [table, map] of tables) {
    for (const [key, row] of map) {
      pending += `${JSON.stringify([table, key, row])}\n`;
      rows += 1;
      if (pending.length >= JOURNAL_LIMITS.snapshotChunkBytes) yield flush();
    }
  }
  yield flush();
  yield Buffer.from(`${JSON.stringify({ rows, crc })}\n`, 'utf8');
}

/** Throws EDGE_STORAGE_CORRUPT, or EDGE_UNSUPPORTED for a whole snapshot of another format. */
export function decodeSnapshot(name: string, bytes: Uint8Array): Snapshot {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines = parseLines(name, buffer);
  const head: unknown = lines.next().value;
  if (!isHead(head)) throw damaged(name, 'its first line is not a head');
  if (head.version !== VERSION) throw unsupportedFormat('snapshot', head.version);
  if (!isPosition(head.position)) throw damaged(name, 'its head names no place in the journal');
  const tables = new RowTables();
  for (const line of lines) {
    if (!isRow(line)) throw damaged(name, 'a line is not a row');
    tables.put(line);
  }
  return { position: head.position, tables };
}

/** Checks the last line against everything before it, then gives the other lines parsed. */
function* parseLines(name: string, buffer: Buffer): Generator {
  if (buffer.at(-1) !== NEWLINE) throw damaged(name, 'it has no last line');
  const lastStart = buffer.lastIndexOf(NEWLINE, -2) + 1;
  const last = parseJson(buffer, lastStart, buffer.length - 1);
  if (!isRecord(last) || last['crc'] !== crc32(buffer.subarray(0, lastStart))) {
    throw damaged(name, 'its checksum does not match');
  }
  let lines = 0;
  for (let start = 0; start < lastStart; lines += 1) {
    const end = buffer.indexOf(NEWLINE, start);
    yield parseJson(buffer, start, end);
    start = end + 1;
  }
  if (last['rows'] !== lines - 1) throw damaged(name, 'it has not as many rows as it says');
}

const NEWLINE = 0x0a;

function parseJson(buffer: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(buffer.toString('utf8', start, end));
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHead(value: unknown): value is { version: number; position: unknown } {
  return isRecord(value) && value['magic'] === MAGIC && typeof value['version'] === 'number';
}

function isPosition(value: unknown): value is JournalPosition {
  const whole = (field: unknown): boolean => Number.isSafeInteger(field) && Number(field) >= 0;
  return (
    isRecord(value) && whole(value['segment']) && whole(value['offset']) && whole(value['chain'])
  );
}

function isRow(value: unknown): value is [string, string, unknown] {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    typeof value[0] === 'string' &&
    typeof value[1] === 'string' &&
    value[2] !== null
  );
}

function damaged(name: string, why: string): Error {
  return corrupt(`${name} is damaged: ${why}`, RESTORE_HINT);
}

export const RESTORE_HINT =
  'Restore a backup with the command `restore`, or move the data folder away to start empty; ' +
  'docs/journal.md tells what each file holds.';
