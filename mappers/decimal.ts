/**
 * Exact decimal numbers, so that a register of 235 with a scale of 0.1 is 23.5 and not
 * 23.500000000000004: a value that people read and that is compared for equality with a desired one.
 */
export interface Decimal {
  /** value = digits * 10^exponent */
  readonly digits: bigint;
  readonly exponent: number;
}

export const ONE: Decimal = { digits: 1n, exponent: 0 };

/** Bounds the digits that an exponent can ask for; a double needs 324. */
const EXPONENT_MAX = 400;

/** The shortest decimal that JavaScript shows for a number, or decimal text; undefined for others. */
export function parseDecimal(value: number | string): Decimal | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  const match = /^([+-]?)(\d{1,400})(?:\.(\d{1,400}))?(?:e([+-]?\d{1,3}))?$/i.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const exponent = Number(power) - fraction.length;
  if (Math.abs(exponent) > EXPONENT_MAX) return undefined;
  const digits = BigInt(whole + fraction);
  return normalise({ digits: sign === '-' ? -digits : digits, exponent });
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return normalise({ digits: a.digits * b.digits, exponent: a.exponent + b.exponent });
}

export function add(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  const at = ({ digits, exponent: own }: Decimal): bigint => digits * 10n ** BigInt(own - exponent);
  return normalise({ digits: at(a) + at(b), exponent });
}

export function negate({ digits, exponent }: Decimal): Decimal {
  return { digits: -digits, exponent };
}

/** Below 0, 0 or above it, as a is less than, equal to or greater than b. */
export function compare(a: Decimal, b: Decimal): number {
  const { digits } = add(a, negate(b));
  return digits < 0n ? -1 : digits > 0n ? 1 : 0;
}

export function isDecimalAmong(number: Decimal, list: readonly Decimal[]): boolean {
  return list.some((other) => compare(number, other) === 0);
}

/** With at most `places` digits behind the point; a half goes away from 0. */
export function roundTo(number: Decimal, places: number): Decimal {
  const { digits, exponent } = number;
  if (exponent >= -places) return number;
  const unit = 10n ** BigInt(-places - exponent);
  const half = digits < 0n ? -(unit / 2n) : unit / 2n;
  return normalise({ digits: (digits + half) / unit, exponent: -places });
}

/** a / b when it is a whole number, else undefined. */
export function divideWhole(a: Decimal, b: Decimal): bigint | undefined {
  if (b.digits === 0n) return undefined;
  const shift = a.exponent - b.exponent;
  const over = shift > 0 ? a.digits * 10n ** BigInt(shift) : a.digits;
  const under = shift < 0 ? b.digits * 10n ** BigInt(-shift) : b.digits;
  return over % under === 0n ? over / under : undefined;
}

/** The nearest double. */
export function toNumber({ digits, exponent }: Decimal): number {
  return Number(`${digits}e${exponent}`);
}

/** The whole number, or undefined when there is a fraction. */
export function toInteger({ digits, exponent }: Decimal): bigint | undefined {
  return exponent >= 0 ? digits * 10n ** BigInt(exponent) : undefined;
}

/** The shortest decimal that reads back as the same float32: 230.1, not 230.10000610351562. */
export function shortestFloat32(value: number): number {
  for (let digits = 1; digits <= 9; digits += 1) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return value;
}

/** Without trailing zeros, so that a whole number never has a negative exponent. */
function normalise({ digits, exponent }: Decimal): Decimal {
  if (digits === 0n) return { digits: 0n, exponent: 0 };
  let [rest, power] = [digits, exponent];
  while (rest % 10n === 0n) [rest, power] = [rest / 10n, power + 1];
  return { digits: rest, exponent: power };
}
