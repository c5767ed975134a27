import type { Storage } from './storage-port.js';
import { EdgeError } from '#protocol/errors.js';
import { segmentName, segmentNumbers, snapshotName, snapshotNumbers } from './file-names.js';
import type { JournalTail } from './journal.js';
import { findGroup, readRecord } from './record.js';
import type { RowTables } from './row-tables.js';
import { RECORDS_START, decodeSegmentHeader } from './segment-header.js';
import { RESTORE_HINT, type Snapshot, decodeSnapshot } from './snapshot.js';
import { corrupt } from './storage-error.js';
import { type Damage, Walk, type WalkCounts } from './walk.js';

export interface RecoveryReport extends WalkCounts {
  /** Number of the snapshot it started from. */
  readonly snapshot: number;
  /** Newer snapshots that were damaged and replaced by the journal before them. */
  readonly damagedSnapshots: number;
}

/** The snapshot that a recovery started from. */
export interface FoundSnapshot {
  readonly number: number;
  /** The segment that the journal behind it starts in. */
  readonly segment: number;
  readonly bytes: number;
  /** The highest number of a snapshot in the folder, damaged ones included. */
  readonly newest: number;
  /** An older snapshot that is kept too, and the first segment of the folder. */
  readonly older: { readonly number: number; readonly segment: number } | undefined;
}

export interface Recovered {
  /** The files of the folder. */
  readonly names: readonly string[];
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
  /** What changed on the disk though it was durable. The rows are whole up to the first loss. */
  readonly damage: readonly Damage[];
  /** Files with damage, or with rows behind it, of which copies are to be kept. */
  readonly aside: readonly string[];
  /** False when the journal cannot go on behind its tail. */
  readonly soundJournal: boolean;
}

/**
 * The state a folder holds: newest whole snapshot, then the journal up to its first bad record.
 * Only reads. Records that were durable and are damaged are in `damage`. Rejects with
 * EDGE_STORAGE_CORRUPT when there is no snapshot to start from or a file is missing, with
 * EDGE_UNSUPPORTED for files of another format version.
 */
export async function recover(storage: Storage): Promise<Recovered> {
  const names = await storage.list();
  const segments = segmentNumbers(names);
  const segment = segments.at(-1) ?? 0;
  const base = await newestSnapshot(storage, snapshotNumbers(names));
  if (base === undefined) {
    for (const number of segments) await refuseRows(storage, number);
    return { names, segment, orphans: segments.map(segmentName), state: undefined };
  }
  const { tables, position } = base.content;
  const walk = new Walk(tables, position);
  let number = position.segment;
  for (; number === position.segment || segments.includes(number); number += 1) {
    if (!walk.read(number, await readWhole(storage, segmentName(number)))) break;
  }
  if (walk.missing !== undefined && !segments.includes(number))
    throw lost(walk.missing, 'is missing');
  // What follows a loss is of this chain, and is set aside; otherwise it must be worth nothing.
  const orphans = walk.lost ? [] : segments.filter((other) => other >= number);
  for (const orphan of orphans) {
    // The snapshot it starts from may be one of those that are damaged.
    if (base.damage.length > 0)
      throw lost(segmentName(orphan), 'follows no snapshot that is whole');
    await refuseRows(storage, orphan);
  }
  const behind = walk.lost ? segments.filter((other) => other >= number).map(segmentName) : [];
  const damage = [...base.damage, ...walk.damage];
  return {
    names,
    segment,
    orphans: orphans.map(segmentName),
    state: {
      tables,
      tail: walk.tail,
      snapshot: {
        ...base.found,
        segment: position.segment,
        older:
          base.older === undefined ? undefined : { number: base.older, segment: segments[0] ?? 0 },
      },
      report: {
        snapshot: base.found.number,
        damagedSnapshots: base.damage.length,
        ...walk.counts,
      },
      damage,
      aside: [...new Set([...damage.map(({ file }) => file), ...behind])],
      soundJournal: walk.damage.length === 0,
    },
  };
}

interface Base {
  readonly found: Omit<FoundSnapshot, 'segment' | 'older'>;
  readonly older: number | undefined;
  readonly content: Snapshot;
  readonly damage: readonly Damage[];
}

async function newestSnapshot(
  storage: Storage,
  numbers: readonly number[],
): Promise<Base | undefined> {
  const newest = numbers.at(-1) ?? 0;
  let first: EdgeError | undefined;
  const damage: Damage[] = [];
  for (const number of numbers.toReversed()) {
    const name = snapshotName(number);
    try {
      const bytes = await readWhole(storage, name);
      const content = decodeSnapshot(name, bytes);
      const older = numbers.findLast((other) => other < number);
      return { found: { number, newest, bytes: bytes.length }, older, content, damage };
    } catch (thrown) {
      if (!(thrown instanceof EdgeError) || thrown.code !== 'EDGE_STORAGE_CORRUPT') throw thrown;
      first ??= thrown;
      const { message } = thrown;
      damage.push({ file: name, message: `${message}; the snapshot before it stands in` });
    }
  }
  if (first !== undefined) throw first;
  return undefined;
}

/**
 * A first segment is placed before its snapshot, and any segment before its name is durable;
 * nothing is acknowledged in between.
 */
async function refuseRows(storage: Storage, number: number): Promise<void> {
  const name = segmentName(number);
  const segment = await readWhole(storage, name);
  const header = decodeSegmentHeader(segment, number);
  if (header === undefined) throw lost(name, 'has a damaged header');
  const first = readRecord(segment, RECORDS_START, header.chain);
  if (typeof first === 'object' || findGroup(segment, header.chain, RECORDS_START) !== undefined) {
    throw lost(name, 'has rows but what leads to it is missing');
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
