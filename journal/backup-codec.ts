import { type Hash, createHash } from 'node:crypto';
import { EdgeError } from '#protocol/errors.js';
import { crc32 } from './checksum.js';
import { BACKUP_LIMITS } from './limits.js';

/** Of what, by whom and when a backup was made. */
export interface BackupHead {
  /** `edgetwin` or `edgetwin-hub`. */
  readonly program: string;
  /** Name and version of the program that made it. */
  readonly software: string;
  /** The gateway's name; a hub has none. */
  readonly node?: string;
  /** ISO 8601, as the machine's clock had it. */
  readonly made: string;
  /** False: made while the storage refused durability, from what was in memory. */
  readonly durable: boolean;
}

/** One named content of a backup: `store`, or a file by its path in the data folder. */
export interface BackupPart {
  readonly name: string;
  content(): AsyncIterable<Uint8Array>;
}

export type BackupEvent =
  | { readonly kind: 'head'; readonly head: BackupHead }
  | { readonly kind: 'part'; readonly name: string }
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly name: string; readonly bytes: number };

const MAGIC = Buffer.from('EDGETWIN-BACKUP\n', 'latin1');
const VERSION = 1;
const HEADER_BYTES = 8;
const CONTROL = 0x8000_0000;
/** Letters that no file system treats in a way of its own, no parents, nothing hidden. */
const PART_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,3}$/;

/**
 * The bytes of a backup: a line of magic, then frames of u32 length, u32 CRC-32 and payload,
 * little-endian; a CRC goes on from the frame before. The top bit of a length marks a frame of
 * JSON: the head, the name of a part, its end with bytes and SHA-256, the end of all.
 */
export async function* encodeBackup(
  head: BackupHead,
  parts: AsyncIterable<BackupPart> | Iterable<BackupPart>,
): AsyncGenerator<Uint8Array> {
  let chain = 0;
  const frame = (payload: Uint8Array, flag: number): Uint8Array => {
    const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
    bytes.writeUInt32LE((payload.length | flag) >>> 0, 0);
    bytes.set(payload, HEADER_BYTES);
    chain = crc32(payload, crc32(bytes.subarray(0, 4), chain));
    bytes.writeUInt32LE(chain, 4);
    return bytes;
  };
  const control = (value: object): Uint8Array => frame(Buffer.from(JSON.stringify(value)), CONTROL);
  yield MAGIC;
  yield control({ backup: VERSION, ...head });
  let count = 0;
  for await (const part of parts) {
    if (!PART_NAME.test(part.name)) throw new EdgeError('EDGE_INTERNAL', `no part: ${part.name}`);
    count += 1;
    yield control({ part: part.name });
    const sum = createHash('sha256');
    let bytes = 0;
    for await (const chunk of part.content()) {
      for (let at = 0; at < chunk.length; at += BACKUP_LIMITS.chunkBytes) {
        const piece = chunk.subarray(at, at + BACKUP_LIMITS.chunkBytes);
        sum.update(piece);
        bytes += piece.length;
        yield frame(piece, 0);
      }
    }
    yield control({ end: part.name, bytes, sha256: sum.digest('hex') });
  }
  yield control({ complete: true, parts: count });
}

/**
 * What a backup says, in order, each thing checked before it is given. Throws EDGE_MALFORMED for
 * what is no backup, EDGE_UNSUPPORTED for a newer format, EDGE_STORAGE_CORRUPT for a damaged or
 * incomplete one. Holds one frame at a time.
 */
export async function* decodeBackup(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<BackupEvent> {
  const state = new DecoderState();
  let held = Buffer.alloc(0);
  let isOurs = false;
  let chain = 0;
  for await (const chunk of source) {
    held = Buffer.concat([held, chunk]);
    if (!isOurs) {
      if (!held.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, held.length))) throw notOurs();
      if (held.length < MAGIC.length) continue;
      isOurs = true;
      held = held.subarray(MAGIC.length);
    }
    while (held.length >= HEADER_BYTES) {
      const word = held.readUInt32LE(0);
      const length = word % CONTROL;
      if (length > BACKUP_LIMITS.frameBytes) throw damaged('a frame is longer than any');
      if (held.length < HEADER_BYTES + length) break;
      const payload = held.subarray(HEADER_BYTES, HEADER_BYTES + length);
      chain = crc32(payload, crc32(held.subarray(0, 4), chain));
      if (chain !== held.readUInt32LE(4)) throw damaged('a checksum does not match');
      const event = word >= CONTROL ? state.control(parse(payload)) : state.data(payload);
      if (event !== undefined) yield event;
      held = held.subarray(HEADER_BYTES + length);
    }
  }
  if (!isOurs) throw notOurs();
  if (held.length > 0 || !state.isComplete) throw damaged('it ends too early');
}

/** The order of things within a backup. */
class DecoderState {
  isComplete = false;
  #hasHead = false;
  #part: { readonly name: string; readonly sum: Hash; bytes: number } | undefined;
  readonly #names = new Set<string>();

  control(value: Record<string, unknown>): BackupEvent | undefined {
    if (this.isComplete) throw damaged('something follows its end');
    if (!this.#hasHead) {
      this.#hasHead = true;
      return { kind: 'head', head: headOf(value) };
    }
    if (this.#part !== undefined) return this.#end(this.#part, value);
    if (value['complete'] === true) {
      if (value['parts'] !== this.#names.size) throw damaged('it has not as many parts as it says');
      this.isComplete = true;
      return undefined;
    }
    const name = value['part'];
    if (typeof name !== 'string' || !PART_NAME.test(name)) throw damaged('a part has no name');
    if (this.#names.has(name)) throw damaged(`the part ${name} is there twice`);
    if (this.#names.size >= BACKUP_LIMITS.parts) throw damaged('it has too many parts');
    this.#names.add(name);
    this.#part = { name, sum: createHash('sha256'), bytes: 0 };
    return { kind: 'part', name };
  }

  data(payload: Uint8Array): BackupEvent {
    if (this.#part === undefined) throw damaged('content stands outside of a part');
    this.#part.sum.update(payload);
    this.#part.bytes += payload.length;
    return { kind: 'data', bytes: payload };
  }

  #end(
    { name, sum, bytes }: { readonly name: string; readonly sum: Hash; readonly bytes: number },
    value: Record<string, unknown>,
  ): BackupEvent {
    const isEnd = value['end'] === name && value['bytes'] === bytes;
    if (!isEnd || value['sha256'] !== sum.digest('hex'))
      throw damaged(`the part ${name} does not match its checksum`);
    this.#part = undefined;
    return { kind: 'end', name, bytes };
  }
}

function headOf(value: Record<string, unknown>): BackupHead {
  const { backup, program, software, node, made, durable } = value;
  if (typeof backup === 'number' && backup > VERSION)
    throw new EdgeError('EDGE_UNSUPPORTED', `this backup has format version ${backup}`, {
      hint: 'Restore it with the program version that made it, or a newer one.',
    });
  const isText = typeof program === 'string' && typeof software === 'string';
  if (backup !== VERSION || !isText || typeof made !== 'string' || typeof durable !== 'boolean')
    throw damaged('its head is none');
  const head = { program, software, made, durable };
  return typeof node === 'string' ? { ...head, node } : head;
}

function parse(payload: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(payload.toString('utf8'));
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // Falls through.
  }
  throw damaged('a frame is not what it says');
}

function notOurs(): EdgeError {
  return new EdgeError('EDGE_MALFORMED', 'this file is not a backup', {
    hint: 'Name a file that `backup` wrote.',
  });
}

function damaged(why: string): EdgeError {
  return new EdgeError('EDGE_STORAGE_CORRUPT', `the backup is damaged: ${why}`, {
    hint: 'Nothing was changed. Copy the backup again from where it was made, or use an older one.',
  });
}
