import { EdgeError } from '#protocol/errors.js';
import { seededRandom } from '#protocol/random.js';
import { CrashModel, randomPuts, settleStorage, stateOf } from './crash-model.js';
import { MemoryStorage } from './memory-storage.js';
import { Disk } from './power-cut.js';
import { readRecord } from './record.js';
import { RECORDS_START, decodeSegmentHeader } from './segment-header.js';

/** Test fake: a folder of files that were written, and what becomes of it when bytes change. */
export type Files = ReadonlyMap<string, Buffer>;

export interface WrittenFolder {
  readonly files: Files;
  /** The state after each commit; the first is the empty one. */
  readonly states: readonly string[];
}

export interface Opened {
  /** The state after opening, or the code of the error. */
  readonly state: string;
  readonly damage: readonly { readonly file: string; readonly message: string }[];
  readonly tornTail: boolean;
  /** The folder afterwards. */
  readonly storage: MemoryStorage;
}

/** A folder after `commits` transactions, each synced on its own; `closed`: in good order. */
export async function writtenFolder(commits: number, closed = false): Promise<WrittenFolder> {
  const random = seededRandom(commits);
  const model = new CrashModel();
  const storage = new MemoryStorage();
  const store = await model.open(storage, 1);
  for (let nth = 0; nth < commits; nth += 1) await model.commit(store, randomPuts(random));
  if (closed) await store.close();
  await settleStorage(storage);
  return { files: await filesOf(storage), states: model.states };
}

export async function filesOf(storage: MemoryStorage): Promise<Files> {
  const files = new Map<string, Buffer>();
  for (const name of await storage.list()) {
    files.set(name, Buffer.from((await storage.read(name)) ?? []));
  }
  return files;
}

/** The folder with one file of other content, or without it. */
export function withFile(files: Files, name: string, bytes: Uint8Array | undefined): MemoryStorage {
  const disk = new Disk();
  for (const [other, content] of files) if (other !== name) disk.putDurable(other, content);
  if (bytes !== undefined) disk.putDurable(name, bytes);
  return new MemoryStorage(disk);
}

export function withBit(bytes: Buffer, offset: number, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(offset) ^ (1 << bit), offset);
  return copy;
}

export async function openedOf(storage: MemoryStorage): Promise<Opened> {
  try {
    const store = await new CrashModel().open(storage, 9);
    const { damage, tornTail } = store.stats();
    return { state: stateOf(store), damage, tornTail, storage };
  } catch (thrown) {
    if (!(thrown instanceof EdgeError)) throw thrown;
    return { state: thrown.code, damage: [], tornTail: false, storage };
  }
}

export const newestOf = (files: Files, prefix: string): string =>
  [...files.keys()].filter((name) => name.startsWith(prefix)).at(-1) ?? '';

/** A transaction of a segment: where its record starts and ends. */
export interface RecordPlace {
  readonly start: number;
  readonly end: number;
}

/** The transactions of a segment, and where its records end. */
export function transactionsOf(
  segment: Buffer,
  number: number,
): { readonly places: readonly RecordPlace[]; readonly end: number } {
  let chain = decodeSegmentHeader(segment, number)?.chain ?? 0;
  let start = RECORDS_START;
  const places: RecordPlace[] = [];
  for (;;) {
    const record = readRecord(segment, start, chain);
    if (typeof record === 'string') return { places, end: start };
    const { payload, isMark, end } = record;
    const text = Buffer.from(payload).toString();
    if (!isMark && text.startsWith('[') && !text.includes('.store')) places.push({ start, end });
    start = end;
    ({ chain } = record);
  }
}
