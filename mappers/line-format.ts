import type { ConfigReader } from './config-reader.js';

/** Bits of one character on a serial line. */
export interface LineFormat {
  readonly dataBits: 7 | 8;
  readonly parity: 'none' | 'even' | 'odd';
  readonly stopBits: 1 | 2;
}

const FORMAT = /^([78])([neo])([12])$/i;
const PARITIES = { n: 'none', e: 'even', o: 'odd' } as const;

/** `8N1`; undefined for anything else. */
export function parseFormat(text: string): LineFormat | undefined {
  const [, bits, parity = '', stops] = FORMAT.exec(text.trim()) ?? [];
  if (bits === undefined) return undefined;
  return {
    dataBits: bits === '7' ? 7 : 8,
    parity: PARITIES[parity.toLowerCase() as keyof typeof PARITIES],
    stopBits: stops === '2' ? 2 : 1,
  };
}

/** What YAML makes of formats with even parity: 8E1 without quotes is eight times ten. */
const READ_AS_NUMBER: Readonly<Record<string, string>> = {
  '70': '7E1',
  '700': '7E2',
  '80': '8E1',
  '800': '8E2',
};

/** `format` of a device on a serial line; undefined after a fault. */
export function readFormat(reader: ConfigReader): LineFormat | undefined {
  const text = READ_AS_NUMBER[String(reader.raw('format'))] ?? reader.text('format');
  const format = text === undefined ? undefined : parseFormat(text);
  if (text !== undefined && format === undefined)
    reader.issue('format', `is ${text}`, 'Write data bits, parity and stop bits, as in 8N1.');
  return format;
}
