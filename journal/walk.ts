import { type FlippedBit, findFlippedBit, flip } from './bit-repair.js';
import { segmentName } from './file-names.js';
import type { JournalTail } from './journal.js';
import { type JournalRecord, findGroup, readRecord } from './record.js';
import type { RowTables, StoredPut } from './row-tables.js';
import { RECORDS_START, type SegmentHeader, decodeSegmentHeader } from './segment-header.js';
import type { JournalPosition } from './snapshot.js';
import { corrupt } from './storage-error.js';

/** Stored bytes that changed though they were durable: nothing that a crash can leave. */
export interface Damage {
  readonly file: string;
  /** What it cost, for people. */
  readonly message: string;
}

export interface WalkCounts {
  readonly segments: number;
  readonly records: number;
  /** Bytes of journal read. */
  readonly bytes: number;
  /** What follows the last good record is the rest of a write that never ended. */
  readonly tornTail: boolean;
}

/** Applies one segment after another to the tables, up to the first record that is not whole. */
export class Walk {
  readonly #tables: RowTables;
  readonly #start: JournalPosition;
  readonly #damage: Damage[] = [];
  #position: JournalPosition;
  #segment: Buffer = Buffer.alloc(0);
  #seed = 0;
  #groupStart: number;
  #continued = false;
  #lost = false;
  #segments = 0;
  #records = 0;
  #bytes = 0;
  #tornTail = false;

  constructor(tables: RowTables, start: JournalPosition) {
    this.#tables = tables;
    this.#start = start;
    this.#position = start;
    this.#groupStart = start.offset;
  }

  get tail(): JournalTail {
    const position = this.#position;
    const lastGroup = this.#segment.subarray(this.#groupStart, position.offset);
    return { position, lastGroup, seed: this.#seed, segmentBytes: this.#segment.length };
  }

  get counts(): WalkCounts {
    return {
      segments: this.#segments,
      records: this.#records,
      bytes: this.#bytes,
      tornTail: this.#tornTail,
    };
  }

  get damage(): readonly Damage[] {
    return this.#damage;
  }

  /** Something durable is missing behind what was read. */
  get lost(): boolean {
    return this.#lost;
  }

  /** The next segment, when it is missing: this one ended with the word that there is one. */
  get missing(): string | undefined {
    if (!this.#continued || this.#lost) return undefined;
    return segmentName(this.#position.segment + 1);
  }

  /**
   * False when the journal does not go on in or behind this segment: it starts a chain of its own,
   * or nobody ever wrote to it, or something is lost.
   */
  read(number: number, segment: Buffer): boolean {
    const header = decodeSegmentHeader(segment, number);
    const first = number === this.#start.segment;
    if (!first && header?.fresh === true) return false;
    if (header === undefined) return this.#lose(number, 'its header is damaged');
    let { offset, chain } = this.#start;
    if (!first) {
      if (header.previousChain !== this.#position.chain) {
        return this.#lose(number - 1, `damaged behind byte ${this.#position.offset}`);
      }
      offset = RECORDS_START;
      chain = header.chain;
      // Its name may not be durable: nothing relies on it yet, so it is made again.
      const empty = typeof readRecord(segment, offset, chain) === 'string';
      if (empty && !this.#continued && !this.#holdsMore(segment, header, offset)) return false;
    } else if (offset > segment.length) {
      return this.#lose(number, 'cut off before what its snapshot holds');
    }
    this.#segment = segment;
    this.#seed = header.chain;
    this.#segments += 1;
    const bits = this.#readRecords(number, offset, chain);
    for (const bit of bits) this.#judge(number, bit);
    const end = this.#position.offset;
    if (segment.length < header.bytes)
      return this.#lose(number, `cut off at byte ${segment.length}`);
    if (findGroup(segment, header.chain, end + 1) !== undefined) {
      return this.#lose(number, `damaged at byte ${end}, and more follows that was durable`);
    }
    return true;
  }

  #holdsMore(segment: Buffer, header: SegmentHeader, from: number): boolean {
    return segment.length < header.bytes || findGroup(segment, header.chain, from) !== undefined;
  }

  #lose(number: number, how: string): false {
    this.#lost = true;
    this.#tornTail = false;
    const file = segmentName(number);
    const { segment, offset } = this.#position;
    const message = `${how}; everything behind byte ${offset} of ${segmentName(segment)} is lost`;
    this.#damage.push({ file, message });
    return false;
  }

  /**
   * A bit that was turned back in a group that another one follows was durable. In the last group
   * it may be all that was missing of a write that never ended.
   */
  #judge(number: number, { byte }: FlippedBit): void {
    if (byte >= this.#groupStart && !this.#continued) {
      this.#tornTail = true;
      return;
    }
    const message = `a bit of byte ${byte} had flipped and was turned back; nothing is lost`;
    this.#damage.push({ file: segmentName(number), message });
  }

  /** Gives the bits that were turned back. */
  #readRecords(number: number, start: number, first: number): readonly FlippedBit[] {
    const bits: FlippedBit[] = [];
    let offset = start;
    let chain = first;
    this.#groupStart = offset;
    for (;;) {
      const record = this.#recordAt(offset, chain, bits);
      if (typeof record === 'string') {
        this.#tornTail = record === 'damaged';
        this.#continued = record === 'continued';
        break;
      }
      if (!record.isMark) {
        for (const put of decodeTransaction(record.payload, number, offset)) this.#tables.put(put);
        this.#records += 1;
      }
      if (record.startsGroup) this.#groupStart = offset;
      ({ end: offset, chain } = record);
    }
    this.#bytes += offset - start;
    this.#position = { segment: number, offset, chain };
    return bits;
  }

  /** As `readRecord`, with one flipped bit turned back. */
  #recordAt(offset: number, chain: number, bits: FlippedBit[]): ReturnType<typeof readRecord> {
    const found = readRecord(this.#segment, offset, chain);
    if (found !== 'damaged' && found !== 'end') return found;
    const bit = findFlippedBit(this.#segment, offset, chain);
    if (bit === undefined) return found;
    flip(this.#segment, bit);
    const record = readRecord(this.#segment, offset, chain);
    if (typeof record === 'object' && isWhole(record)) {
      bits.push(bit);
      return record;
    }
    flip(this.#segment, bit);
    return found;
  }
}

function isWhole({ payload, isMark }: JournalRecord): boolean {
  return isMark || parseTransaction(payload) !== undefined;
}

/** The puts of a record; none for what the store tells itself, which is an object. */
function decodeTransaction(
  payload: Uint8Array,
  segment: number,
  offset: number,
): readonly StoredPut[] {
  const puts = parseTransaction(payload);
  if (puts !== undefined) return puts;
  // The checksum is right, so these bytes are what someone meant to write.
  throw corrupt(
    `the record at byte ${offset} of ${segmentName(segment)} is whole but of an unknown shape`,
    'Run the program version that wrote this data folder.',
  );
}

function parseTransaction(payload: Uint8Array): readonly StoredPut[] | undefined {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) {
    const puts: readonly unknown[] = value;
    return puts.every(isPut) ? puts : undefined;
  }
  return isOwnRecord(value) ? [] : undefined;
}

function isOwnRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('opened' in value || 'closed' in value);
}

function isPut(value: unknown): value is StoredPut {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    typeof value[0] === 'string' &&
    typeof value[1] === 'string'
  );
}
