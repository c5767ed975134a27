import type { Storage } from './storage-port.js';
import { EdgeError } from '#protocol/errors.js';
import { segmentName, segmentNumbers, snapshotName, snapshotNumbers } from './file-names.js';
import type { JournalTail } from './journal.js';
import { readRecord } from './record.js';
import { RowTables, type StoredPut } from './row-tables.js';
import { RECORDS_START, decodeSegmentHeader } from './segment-header.js';
import { type JournalPosition, RESTORE_HINT, type Snapshot, decodeSnapshot } from './snapshot.js';
import { corrupt } from './storage-error.js';

export interface RecoveryReport {
  /** Number of the snapshot it started from. */
  readonly snapshot: number;
  /** Newer snapshots that were damaged and replaced by the journal before them. */
  readonly damagedSnapshots: number;
  readonly segments: number;
  readonly records: number;
  /** Bytes of journal read behind the snapshot. */
  readonly bytes: number;
  /** Bytes followed the last good record that are neither zero nor its end mark. */
  readonly tailDiscarded: boolean;
}

/** The snapshot that a recovery started from. */
export interface FoundSnapshot {
  readonly number: number;
  /** The segment that the journal behind it starts in. */
  readonly segment: number;
  readonly bytes: number;
  /** The highest number of a snapshot in the folder, damaged ones included. */
  readonly newest: number;
}

export interface Recovered {
  /** The highest number of a segment in the folder. */
  readonly segment: number;
  /** Segments without their snapshot, from attempts that never finished: of no value. */
  readonly orphans: readonly string[];
  /** Undefined when the folder never held a store. */
  readonly state: RecoveredState | undefined;
}

export interface RecoveredState {
  readonly tables: RowTables;
  readonly tail: JournalTail;
  readonly snapshot: FoundSnapshot;
  readonly report: RecoveryReport;
}

/**
 * The state a folder holds: newest whole snapshot, then the journal up to its first bad record.

 * Only reads. Rejects with EDGE_STORAGE_CORRUPT when
 * something durable is missing, with EDGE_UNSUPPORTED for files of another format version.
 */
export async function recover(storage: Storage): Promise<Recovered> {
  const names = await storage.list();
  const segments = segmentNumbers(names);
  const segment = segments.at(-1) ?? 0;
  const base = await newestSnapshot(storage, snapshotNumbers(names));
  if (base === undefined) {
    for (const number of segments) await refuseRows(storage, number);
    return { segment, orphans: segments.map(segmentName), state: undefined };
  }
  const { tables, position } = base.content;
  const walk = new Walk(tables, position);
  let number = position.segment;
  for (; number === position.segment || segments.includes(number); number += 1) {
    if (!walk.read(number, await readWhole(storage, segmentName(number)))) break;
  }
  const orphans = segments.filter((other) => other >= number);
  for (const orphan of orphans) {
    // The snapshot it starts from may be one of those that are damaged.
    if (base.damaged > 0) throw lost(segmentName(orphan), 'follows no snapshot that is whole');
    await refuseRows(storage, orphan);
  }
  return {
    segment,
    orphans: orphans.map(segmentName),
    state: {
      tables,
      tail: walk.tail,
      snapshot: { ...base.found, segment: position.segment },
      report: { snapshot: base.found.number, damagedSnapshots: base.damaged, ...walk.counts },
    },
  };
}

interface Base {
  readonly found: Omit<FoundSnapshot, 'segment'>;
  readonly content: Snapshot;
  readonly damaged: number;
}

async function newestSnapshot(
  storage: Storage,
  numbers: readonly number[],
): Promise<Base | undefined> {
  const newest = numbers.at(-1) ?? 0;
  let damage: EdgeError | undefined;
  let damaged = 0;
  for (const number of numbers.toReversed()) {
    const name = snapshotName(number);
    try {
      const bytes = await readWhole(storage, name);
      const content = decodeSnapshot(name, bytes);
      return { found: { number, newest, bytes: bytes.length }, content, damaged };
    } catch (thrown) {
      if (!(thrown instanceof EdgeError) || thrown.code !== 'EDGE_STORAGE_CORRUPT') throw thrown;
      damage ??= thrown;
      damaged += 1;
    }
  }
  if (damage !== undefined) throw damage;
  return undefined;
}

/** Applies one segment after another to the tables. */
class Walk {
  readonly #tables: RowTables;
  readonly #start: JournalPosition;
  #position: JournalPosition;
  #segment: Buffer = Buffer.alloc(0);
  #groupStart: number;
  #segments = 0;
  #records = 0;
  #bytes = 0;
  #tailDiscarded = false;

  constructor(tables: RowTables, start: JournalPosition) {
    this.#tables = tables;
    this.#start = start;
    this.#position = start;
    this.#groupStart = start.offset;
  }

  get tail(): JournalTail {
    const position = this.#position;
    const lastGroup = this.#segment.subarray(this.#groupStart, position.offset);
    return { position, lastGroup, segmentBytes: this.#segment.length };
  }

  get counts(): Omit<RecoveryReport, 'snapshot' | 'damagedSnapshots'> {
    return {
      segments: this.#segments,
      records: this.#records,
      bytes: this.#bytes,
      tailDiscarded: this.#tailDiscarded,
    };
  }

  /** False, with nothing read, for a segment that starts a chain of its own. */
  read(number: number, segment: Buffer): boolean {
    const name = segmentName(number);
    const header = decodeSegmentHeader(segment, number);
    if (header === undefined) throw lost(name, 'has a damaged header');
    let { offset, chain } = this.#start;
    if (number !== this.#start.segment) {
      if (header.fresh) return false;
      if (header.previousChain !== this.#position.chain) {
        throw lost(segmentName(number - 1), 'is damaged before its end');
      }
      offset = RECORDS_START;
      chain = header.chain;
    } else if (offset > segment.length) {
      throw lost(name, 'is shorter than its snapshot says');
    }
    this.#segment = segment;
    this.#segments += 1;
    this.#readRecords(number, offset, chain);
    return true;
  }

  #readRecords(number: number, start: number, first: number): void {
    let offset = start;
    let chain = first;
    this.#groupStart = offset;
    for (;;) {
      const record = readRecord(this.#segment, offset, chain);
      if (typeof record === 'string') {
        this.#tailDiscarded = record === 'damaged';
        break;
      }
      for (const put of decodeTransaction(record.payload, number, offset)) this.#tables.put(put);
      if (record.startsGroup) this.#groupStart = offset;
      this.#records += 1;
      ({ end: offset, chain } = record);
    }
    this.#bytes += offset - start;
    this.#position = { segment: number, offset, chain };
  }
}

/** The puts of a record; none for the record of an opening, which is an object. */
function decodeTransaction(
  payload: Uint8Array,
  segment: number,
  offset: number,
): readonly StoredPut[] {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) {
      const puts: readonly unknown[] = value;
      if (puts.every(isPut)) return puts;
    } else if (typeof value === 'object' && value !== null && 'opened' in value) {
      return [];
    }
  } catch {
    // Falls through: the checksum is right, so these bytes are what someone meant to write.
  }
  throw corrupt(
    `the record at byte ${offset} of ${segmentName(segment)} is whole but of an unknown shape`,
    'Run the program version that wrote this data folder.',
  );
}

function isPut(value: unknown): value is StoredPut {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    typeof value[0] === 'string' &&
    typeof value[1] === 'string'
  );
}

/** A first segment is placed before its snapshot, and nothing is acknowledged between the two. */
async function refuseRows(storage: Storage, number: number): Promise<void> {
  const name = segmentName(number);
  const segment = await readWhole(storage, name);
  const header = decodeSegmentHeader(segment, number);
  if (header === undefined) throw lost(name, 'has a damaged header');
  if (!header.fresh || typeof readRecord(segment, RECORDS_START, header.chain) !== 'string') {
    throw lost(name, 'has rows but its snapshot is missing');
  }
}

async function readWhole(storage: Storage, name: string): Promise<Buffer> {
  const bytes = await storage.read(name);
  if (bytes === undefined) throw lost(name, 'is missing');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function lost(name: string, why: string): EdgeError {
  return corrupt(`${name} ${why}`, RESTORE_HINT);
}
