import type { CloseCode } from '../transport.js';

/** RFC 6455 section 7.4; 4000 to 4999 are for private use. `lost` is never sent. */
const TO_WIRE: Readonly<Record<Exclude<CloseCode, 'lost'>, number>> = {
  normal: 1000,
  protocol: 1002,
  superseded: 4001,
  unauthorized: 4003,
  slow: 4008,
};

const FROM_WIRE: ReadonlyMap<number, CloseCode> = new Map<number, CloseCode>([
  ...Object.entries(TO_WIRE).map(([code, wire]) => [wire, code as CloseCode] as const),
  [1001, 'normal'],
  [1003, 'protocol'],
  [1007, 'protocol'],
  [1008, 'unauthorized'],
  [1009, 'protocol'],
]);

export function toWire(code: Exclude<CloseCode, 'lost'>): number {
  return TO_WIRE[code];
}

/** Every other code, 1005 and 1006 among them, means that nobody said goodbye. */
export function fromWire(code: number): CloseCode {
  return FROM_WIRE.get(code) ?? 'lost';
}

/** The longest beginning of `text` that has at most `bytesMax` bytes of UTF-8, no character cut. */
export function clip(text: string, bytesMax: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
