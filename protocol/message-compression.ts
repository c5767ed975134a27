import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { CODEC_VERSION, FLAG_COMPRESSED, HEADER_BYTES } from './message-codec.js';
import type { MessageDictionary } from './message-dictionary.js';

/**
 * How a sender packs. 32 KB for a call instead of zlib's usual 256; what a window of 4 KB loses is
 * below 1 % of a message of 7 KB, and small messages lose nothing.
 */
const DEFLATE = { level: 6, windowBits: 12, memLevel: 5, chunkSize: 4096 };
/** A receiver takes any window (RFC 1951): a later version may choose another. */
const INFLATE = { windowBits: 15, chunkSize: 4096 };

/**
 * Packs encoded messages (message-codec.ts) with raw deflate (RFC 1951) and a preset dictionary,
 * each on its own: any may be lost or overtaken. Bit 0 of the flags byte tells packed from plain,
 * so an end sends whichever is shorter and takes both.
 */
export class MessageCompression {
  readonly #dictionary: Uint8Array;

  constructor({ bytes }: MessageDictionary) {
    this.#dictionary = bytes;
  }

  /** A plain message, packed when that is shorter; else the same bytes. */
  pack(message: Uint8Array): Uint8Array {
    const body = message.subarray(HEADER_BYTES);
    const deflated = deflateRawSync(body, { ...DEFLATE, dictionary: this.#dictionary });
    if (deflated.length >= body.length) return message;
    return withFlags(message, FLAG_COMPRESSED, deflated);
  }

  /**
   * The plain message; one that is not packed passes unchanged. Throws EDGE_LIMIT for a message
   * longer than LIMITS.messageBytes, found while it is inflated, and EDGE_MALFORMED.
   */
  unpack(message: Uint8Array): Uint8Array {
    const [version, flags = 0] = message;
    if (version !== CODEC_VERSION || (flags & FLAG_COMPRESSED) === 0) return message;
    return withFlags(message, flags & ~FLAG_COMPRESSED, this.#inflate(message));
  }

  #inflate(message: Uint8Array): Uint8Array {
    try {
      return inflateRawSync(message.subarray(HEADER_BYTES), {
        ...INFLATE,
        dictionary: this.#dictionary,
        maxOutputLength: LIMITS.messageBytes - HEADER_BYTES,
      });
    } catch (cause) {
      if (isTooLarge(cause))
        throw new EdgeError(
          'EDGE_LIMIT',
          `sync message of ${message.length} bytes unpacks to over ${LIMITS.messageBytes}`,
          { cause },
        );
      throw new EdgeError('EDGE_MALFORMED', 'sync message does not unpack', { cause });
    }
  }
}

function withFlags(message: Uint8Array, flags: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes[0] = message[0] ?? 0;
  bytes[1] = flags;
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

function isTooLarge(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
}
