import type { Random } from '#protocol/random.js';
import type { Storage, StorageFile } from './storage-port.js';
import { JOURNAL_LIMITS } from './limits.js';
import { NEW_SEGMENT, SPARE, segmentName } from './file-names.js';
import { END_BYTES, encodeContinued, encodeGroup, groupLength, groupMark } from './record.js';
import { NONCE_BYTES, RECORDS_START, encodeSegmentHeader } from './segment-header.js';
import type { JournalPosition } from './snapshot.js';

/** Where the last group of an earlier life starts, its bytes, and where and how the records end. */
export interface JournalTail {
  readonly position: JournalPosition;
  /** Records of the last group, up to `position`; empty when a snapshot holds them all. */
  readonly lastGroup: Uint8Array;
  /** The CRC of the last segment's header. */
  readonly seed: number;
  /** Bytes of the last segment's file. */
  readonly segmentBytes: number;
}

interface OpenSegment {
  readonly number: number;
  readonly file: StorageFile;
  readonly bytes: number;
  /** The CRC of its header, which the marks of its groups are made of. */
  readonly seed: number;
}

/**
 * The write side of the journal: a chain of preallocated segments, the last of which takes the
 * records. One caller at a time. After any rejection it must not be used again: what the failed
 * write or sync left is unknown until a new process reads it.
 */
export class Journal {
  readonly #storage: Storage;
  readonly #random: Random;
  readonly #segmentBytes: number;
  #segment: OpenSegment;
  #offset: number;
  #chain: number;
  #spareReady = false;

  private constructor(
    storage: Storage,
    random: Random,
    segmentBytes: number,
    segment: OpenSegment,
    position: JournalPosition,
  ) {
    this.#storage = storage;
    this.#random = random;
    this.#segmentBytes = segmentBytes;
    this.#segment = segment;
    this.#offset = position.offset;
    this.#chain = position.chain;
  }

  /** A new chain whose first segment is `number`. Durable; nothing leads to it but a snapshot. */
  static async begin(
    storage: Storage,
    random: Random,
    segmentBytes: number,
    number: number,
  ): Promise<Journal> {
    const nonce = random.bytes(NONCE_BYTES);
    const header = encodeSegmentHeader(
      { number, previousChain: 0, fresh: true, bytes: segmentBytes },
      nonce,
    );
    const file = await newSegment(storage, segmentBytes, header.bytes);
    await placeSegment(storage, NEW_SEGMENT, number, file);
    const position = { segment: number, offset: RECORDS_START, chain: header.chain };
    const segment = { number, file, bytes: segmentBytes, seed: header.chain };
    return new Journal(storage, random, segmentBytes, segment, position);
  }

  /**
   * Goes on behind `tail`. The last group is written again, because the life before may have died
   * of a failed sync, which leaves bytes that can be read but are not on the disk. The record of
   * the opening makes every CRC after it differ from those of any earlier life.
   */
  static async resume(
    storage: Storage,
    random: Random,
    segmentBytes: number,
    tail: JournalTail,
  ): Promise<Journal> {
    const { segment: number, offset, chain } = tail.position;
    const file = await storage.open(segmentName(number));
    const { segmentBytes: bytes, seed } = tail;
    const segment = { number, file, bytes, seed };
    const journal = new Journal(storage, random, segmentBytes, segment, tail.position);
    const opened = JSON.stringify({ opened: Buffer.from(random.bytes(16)).toString('hex') });
    const mark = tail.lastGroup.length === 0 ? groupMark(seed, offset) : undefined;
    const group = encodeGroup([opened], opened.length, chain, mark);
    try {
      if (!journal.fits(1, opened.length)) {
        await journal.#write(offset - tail.lastGroup.length, tail.lastGroup);
        await journal.rotate();
        return journal;
      }
      await journal.#write(
        offset - tail.lastGroup.length,
        Buffer.concat([tail.lastGroup, group.bytes]),
      );
      journal.#offset += group.bytes.length - END_BYTES;
      journal.#chain = group.chain;
      return journal;
    } catch (thrown) {
      await journal.close().catch(() => undefined);
      throw thrown;
    }
  }

  get position(): JournalPosition {
    return { segment: this.#segment.number, offset: this.#offset, chain: this.#chain };
  }

  /** Whether a group fits behind the last record of this segment. */
  fits(records: number, payloadBytes: number): boolean {
    return this.#offset + groupLength(records, payloadBytes) <= this.#segment.bytes;
  }

  /** Resolves with the bytes appended when the group is durable. */
  async append(payloads: readonly string[], payloadBytes: number): Promise<number> {
    const mark = groupMark(this.#segment.seed, this.#offset);
    const group = encodeGroup(payloads, payloadBytes, this.#chain, mark);
    await this.#write(this.#offset, group.bytes);
    this.#offset += group.bytes.length - END_BYTES;
    this.#chain = group.chain;
    return group.bytes.length;
  }

  /**
   * Goes on in a new segment, on the spare file when there is one. That the old one was left is
   * written into it before anything follows, so that a segment that is missing is missed.
   */
  async rotate(): Promise<void> {
    const number = this.#segment.number + 1;
    const nonce = this.#random.bytes(NONCE_BYTES);
    const fields = {
      ...{ number, previousChain: this.#chain, fresh: false },
      bytes: this.#segmentBytes,
    };
    const header = encodeSegmentHeader(fields, nonce);
    const spare = this.#spareReady;
    this.#spareReady = false;
    const file = spare
      ? await writeHeader(this.#storage, SPARE, header.bytes)
      : await newSegment(this.#storage, this.#segmentBytes, header.bytes);
    await placeSegment(this.#storage, spare ? SPARE : NEW_SEGMENT, number, file);
    const old = this.#segment.file;
    try {
      await old.write(this.#offset, encodeContinued());
      await old.sync();
    } catch (thrown) {
      await file.close().catch(() => undefined);
      throw thrown;
    }
    this.#segment = { number, file, bytes: this.#segmentBytes, seed: header.chain };
    this.#offset = RECORDS_START;
    this.#chain = header.chain;
    await old.close();
  }

  /** Says that a durable file SPARE of the size of a segment stands ready. */
  offerSpare(): void {
    this.#spareReady = true;
  }

  close(): Promise<void> {
    return this.#segment.file.close();
  }

  async #write(offset: number, bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.#segment.file.write(offset, bytes);
    await this.#segment.file.sync();
  }
}

/** A file full of zeroes: overwriting its blocks later changes no metadata of the file system. */
async function newSegment(
  storage: Storage,
  segmentBytes: number,
  header: Uint8Array,
): Promise<StorageFile> {
  await storage.remove(NEW_SEGMENT);
  const file = await storage.open(NEW_SEGMENT);
  try {
    const zeroes = new Uint8Array(Math.min(JOURNAL_LIMITS.zeroChunkBytes, segmentBytes));
    for (let offset = 0; offset < segmentBytes; offset += zeroes.length) {
      await file.write(offset, zeroes.subarray(0, segmentBytes - offset));
    }
    await file.write(0, header);
    await file.sync();
    return file;
  } catch (thrown) {
    await file.close().catch(() => undefined);
    throw thrown;
  }
}

async function writeHeader(
  storage: Storage,
  name: string,
  header: Uint8Array,
): Promise<StorageFile> {
  const file = await storage.open(name);
  try {
    await file.write(0, header);
    await file.sync();
    return file;
  } catch (thrown) {
    await file.close().catch(() => undefined);
    throw thrown;
  }
}

/** Last, so that a segment of a name always has its header. */
async function placeSegment(
  storage: Storage,
  from: string,
  number: number,
  file: StorageFile,
): Promise<void> {
  try {
    await storage.rename(from, segmentName(number));
    await storage.syncFolder();
  } catch (thrown) {
    await file.close().catch(() => undefined);
    throw thrown;
  }
}
