import { add, multiply, parseDecimal, roundTo, shortestFloat32, type Decimal } from '../decimal.js';
import type { MbusMeaning } from './mbus-quantity.js';
import type { MbusRecord } from './mbus-telegram.js';

/** Digits behind the point of what was divided: millionths of a Wh. */
const DIVIDED_PLACES = 6;
const ZERO: Decimal = { digits: 0n, exponent: 0 };
/** Data fields of the DIF. */
const REAL = 5;
const INTEGERS: readonly number[] = [1, 2, 3, 4, 6, 7];
const BCD: readonly number[] = [9, 10, 11, 12, 14];
/** First byte of a variable length: text below 0xc0, then digits above 0 and digits below 0. */
const [LVAR_BCD, LVAR_NEGATIVE, LVAR_OTHER] = [0xc0, 0xd0, 0xe0];

/**
 * The value of a record in the unit of its quantity; null when the meter has none, undefined when
 * its coding says nothing of the quantity.
 */
export function valueOf(
  record: MbusRecord,
  { quantity, factor, divisor, isEmpty }: MbusMeaning,
): Decimal | string | null | undefined {
  const { coding, data, lvar } = record;
  if (isEmpty) return null;
  if (quantity === 'date') return coding === 2 ? dateOf(data) : undefined;
  if (quantity === 'dateTime')
    return coding === 4
      ? dateTimeOf(data, (data[1] ?? 0) >> 5)
      : coding === 6
        ? preciseTimeOf(data)
        : undefined;
  if (quantity === 'fabricationNumber') {
    if (lvar !== undefined && lvar < LVAR_BCD)
      return Buffer.from(data.toReversed()).toString('latin1');
    const digits = digitsOf(data);
    if (BCD.includes(coding)) return /^\d+$/.test(digits) ? digits : null;
  }
  const isUnsigned = quantity === 'errorFlags' || quantity === 'fabricationNumber';
  const number = numberOf(record, isUnsigned);
  if (number === undefined || number === null) return number;
  return divide(multiply(number, factor), divisor);
}

function numberOf(
  { coding, data, lvar }: MbusRecord,
  isUnsigned: boolean,
): Decimal | null | undefined {
  if (INTEGERS.includes(coding)) return integerOf(data, isUnsigned);
  if (BCD.includes(coding)) return bcdOf(data);
  if (coding === REAL) {
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    return parseDecimal(shortestFloat32(view.getFloat32(0, true))) ?? null;
  }
  if (lvar === undefined || lvar < LVAR_BCD || lvar >= LVAR_OTHER) return undefined;
  const digits = digitsOf(data);
  if (!/^\d+$/.test(digits)) return null;
  return parseDecimal(lvar >= LVAR_NEGATIVE ? `-${digits}` : digits);
}

/** The least of the numbers with a sign is none: meters send it for what they do not have. */
function integerOf(data: Uint8Array, isUnsigned: boolean): Decimal | null {
  const raw = BigInt(`0x${digitsOf(data)}`);
  const bits = data.length * 8;
  const digits = isUnsigned ? raw : BigInt.asIntN(bits, raw);
  if (!isUnsigned && digits === -(1n << BigInt(bits - 1))) return null;
  return add({ digits, exponent: 0 }, ZERO);
}

/** F in the highest place is a minus; other letters are what a meter shows instead of digits. */
function bcdOf(data: Uint8Array): Decimal | null {
  const digits = digitsOf(data).replace(/^f/, '-');
  return parseDecimal(digits) ?? null;
}

/** The half bytes, highest first. */
function digitsOf(data: Uint8Array): string {
  return Buffer.from(data.toReversed()).toString('hex');
}

function divide(number: Decimal, divisor: bigint): Decimal {
  if (divisor === 1n) return number;
  // Two places more than are kept, whatever the exponent.
  const exponent = Math.min(0, number.exponent) - DIVIDED_PLACES - 2;
  const digits = number.digits * 10n ** BigInt(number.exponent - exponent);
  return roundTo({ digits: digits / divisor, exponent }, DIVIDED_PLACES);
}

/** Type G: five bits of the day, four of the month, seven of the year. */
function dateOf(data: Uint8Array): string | null {
  const [low = 0, high = 0] = data;
  return calendar(low & 0x1f, high & 0x0f, ((low & 0xe0) >> 5) | ((high & 0xf0) >> 1));
}

/** Type F: minute and its validity, hour and hundreds of years, then as type G. */
function dateTimeOf(data: Uint8Array, hundredsBits = 0): string | null {
  const [minute = 0, hour = 0, low = 0, high = 0] = data;
  const year = ((low & 0xe0) >> 5) | ((high & 0xf0) >> 1);
  const date = calendar(low & 0x1f, high & 0x0f, year, hundredsBits & 0x03);
  const [h, m] = [hour & 0x1f, minute & 0x3f];
  if (date === null || minute > 0x7f || h > 23 || m > 59) return null;
  return `${date}T${two(h)}:${two(m)}`;
}

/** Type I: seconds before what type F has, without hundreds of years. */
function preciseTimeOf(data: Uint8Array): string | null {
  const seconds = (data[0] ?? 0) & 0x3f;
  const time = dateTimeOf(data.subarray(1));
  return time === null || seconds > 59 ? null : `${time}:${two(seconds)}`;
}

/** Meters that know no hundreds send 0 of them, and none is from before 1981. */
function calendar(day: number, month: number, year: number, hundreds = 0): string | null {
  if (day < 1 || day > 31 || month < 1 || month > 12 || year > 99) return null;
  const century = hundreds === 0 && year <= 80 ? 2000 : 1900 + 100 * hundreds;
  return `${century + year}-${two(month)}-${two(day)}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
