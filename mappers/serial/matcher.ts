/** What the beginning of the bytes at hand is. */
export type Match =
  /** Not enough bytes to tell. */
  | { readonly kind: 'more' }
  /** The first `bytes` belong to no frame. */
  | { readonly kind: 'noise'; readonly bytes: number }
  | {
      readonly kind: 'frame';
      /** Bytes it takes, framing included. */
      readonly bytes: number;
      /** What checksum and fields see. */
      readonly frame: Uint8Array;
      /** How many bytes to pass when the checksum does not hold: after a false start, one. */
      readonly retry: number;
    };

/**
 * Says what a buffer begins with. Pure and total: any bytes give an answer, and an answer other
 * than `more` takes at least one byte. A frame is never longer than the limit it was made with.
 */
export type Matcher = (bytes: Uint8Array) => Match;

const MORE: Match = { kind: 'more' };
const CR = 0x0d;
const LF = 0x0a;

/** Lines end with CR, LF or both; empty ones are noise. Line ends are not part of the frame. */
export function lines(maxBytes: number): Matcher {
  return (bytes) => {
    const end = bytes.findIndex((byte) => byte === CR || byte === LF);
    if (end === 0) return { kind: 'noise', bytes: 1 };
    if (end > 0) return whole(bytes.subarray(0, end), end + 1);
    return bytes.length > maxBytes ? { kind: 'noise', bytes: bytes.length } : MORE;
  };
}

/** Frames that end with `delimiter`, which is not part of the frame. */
export function delimited(delimiter: Uint8Array, maxBytes: number): Matcher {
  return (bytes) => {
    const end = indexOf(bytes, delimiter, 0);
    if (end === 0) return { kind: 'noise', bytes: delimiter.length };
    if (end > 0) return whole(bytes.subarray(0, end), end + delimiter.length);
    const tail = bytes.length - delimiter.length + 1;
    return bytes.length > maxBytes ? { kind: 'noise', bytes: Math.max(1, tail) } : MORE;
  };
}

/** Frames of one length that begin with `sync`; the sync bytes are part of the frame. */
export function fixed(sync: Uint8Array, length: number): Matcher {
  return synced(sync, () => length);
}

export interface LengthField {
  /** Where the length stands, from the first sync byte. */
  readonly at: number;
  readonly type: 'uint8' | 'uint16be' | 'uint16le';
  /** The frame has so many bytes more than the length says. */
  readonly add: number;
}

/** Frames that say their length. A length beyond `maxBytes` is a false start. */
export function lengthPrefixed(sync: Uint8Array, field: LengthField, maxBytes: number): Matcher {
  const width = field.type === 'uint8' ? 1 : 2;
  const headBytes = field.at + width;
  return synced(sync, (bytes) => {
    if (bytes.length < headBytes) return undefined;
    const [first = 0, second = 0] = bytes.subarray(field.at, headBytes);
    const low = field.type === 'uint16le';
    const said = width === 1 ? first : low ? first + 256 * second : 256 * first + second;
    const length = said + field.add;
    return length < headBytes || length > maxBytes ? 0 : length;
  });
}

/**
 * From `start` to `end`, both part of the frame, and `tail` bytes more, for a checksum that stands
 * behind the end.
 */
export function startEnd(start: Uint8Array, end: Uint8Array, maxBytes: number, tail = 0): Matcher {
  return (bytes) => {
    const begin = startOf(bytes, start);
    if (begin.kind !== 'at') return begin;
    // Only as far as a frame may reach: each false start would look through all that has come.
    const last = indexOf(bytes.subarray(0, maxBytes), end, start.length);
    const length = last + end.length + tail;
    if (last >= 0 && length <= maxBytes) {
      if (bytes.length < length) return MORE;
      return { kind: 'frame', bytes: length, frame: bytes.subarray(0, length), retry: 1 };
    }
    return bytes.length > maxBytes ? { kind: 'noise', bytes: 1 } : MORE;
  };
}

function synced(sync: Uint8Array, lengthOf: (bytes: Uint8Array) => number | undefined): Matcher {
  return (bytes) => {
    const begin = startOf(bytes, sync);
    if (begin.kind !== 'at') return begin;
    const length = lengthOf(bytes);
    if (length === 0) return { kind: 'noise', bytes: 1 };
    if (length === undefined || bytes.length < length) return MORE;
    return { kind: 'frame', bytes: length, frame: bytes.subarray(0, length), retry: 1 };
  };
}

/** What stands before the start is noise, except what may be the beginning of one. */
function startOf(bytes: Uint8Array, start: Uint8Array): Match | { readonly kind: 'at' } {
  for (let at = 0; at < bytes.length; at++) {
    const seen = bytes.subarray(at, at + start.length);
    if (!seen.every((byte, index) => byte === start[index])) continue;
    if (at > 0) return { kind: 'noise', bytes: at };
    return seen.length < start.length ? MORE : { kind: 'at' };
  }
  return bytes.length === 0 ? MORE : { kind: 'noise', bytes: bytes.length };
}

/** A frame whose end cannot be mistaken: a bad one is passed whole. */
export function whole(frame: Uint8Array, bytes: number): Match {
  return { kind: 'frame', bytes, frame, retry: bytes };
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(wanted, from);
}
