import { whole } from './matcher.js';
import type { Match, Matcher } from './matcher.js';

const SLIP_END = 0xc0;
const SLIP_ESC = 0xdb;
const SLIP_ESCAPED: ReadonlyMap<number, number> = new Map([
  [0xdc, SLIP_END],
  [0xdd, SLIP_ESC],
]);

/** SLIP, RFC 1055. A frame with a broken escape is noise. */
export function slip(maxBytes: number): Matcher {
  return ended(SLIP_END, maxBytes, (bytes) => {
    const frame: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      const meant = byte === SLIP_ESC ? SLIP_ESCAPED.get(bytes[++at] ?? 0) : byte;
      if (meant === undefined) return undefined;
      frame.push(meant);
    }
    return frame;
  });
}

/** Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999), frames ended by a zero. */
export function cobs(maxBytes: number): Matcher {
  return ended(0, maxBytes, (bytes) => {
    const frame: number[] = [];
    for (let at = 0; at < bytes.length;) {
      const code = bytes[at] ?? 0;
      if (at + code > bytes.length) return undefined;
      frame.push(...bytes.subarray(at + 1, at + code));
      at += code;
      if (code < 0xff && at < bytes.length) frame.push(0);
    }
    return frame;
  });
}

function ended(
  end: number,
  maxBytes: number,
  decode: (bytes: Uint8Array) => number[] | undefined,
): Matcher {
  return (bytes): Match => {
    const at = bytes.indexOf(end);
    if (at === 0) return { kind: 'noise', bytes: 1 };
    if (at < 0)
      return bytes.length > maxBytes ? { kind: 'noise', bytes: bytes.length } : { kind: 'more' };
    const frame = decode(bytes.subarray(0, at));
    if (frame === undefined || at > maxBytes) return { kind: 'noise', bytes: at + 1 };
    return whole(Uint8Array.from(frame), at + 1);
  };
}
