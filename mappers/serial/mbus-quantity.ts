import { multiply, ONE, type Decimal } from '../decimal.js';

/** What a record may be of, each in one unit whatever unit the meter has. */
export const MBUS_RECORD_QUANTITIES = [
  /** Wh; of a meter in J to six digits behind the point. */
  'energy',
  /** m³ */
  'volume',
  /** kg */
  'mass',
  /** W; of a meter in J/h to six digits behind the point. */
  'power',
  /** m³/h */
  'volumeFlow',
  /** kg/h */
  'massFlow',
  /** °C */
  'flowTemperature',
  'returnTemperature',
  'externalTemperature',
  /** K */
  'temperatureDifference',
  /** bar */
  'pressure',
  /** s */
  'onTime',
  'operatingTime',
  /** Text: 2026-01-31, 2026-01-31T23:50, without a zone as meters have none. */
  'date',
  'dateTime',
  /** Units of a heat cost allocator. */
  'heatCost',
  /** Text: its digits. */
  'fabricationNumber',
  /** V */
  'voltage',
  /** A */
  'current',
  /** Hz */
  'frequency',
  /** % of relative humidity */
  'humidity',
  /** A number whose bits the maker explains. */
  'errorFlags',
] as const;

export type MbusQuantity = (typeof MBUS_RECORD_QUANTITIES)[number];

export interface MbusMeaning {
  readonly quantity: MbusQuantity;
  /** Value in the unit of the quantity = number * factor / divisor. */
  readonly factor: Decimal;
  readonly divisor: bigint;
  /** Extensions that change what it is in ways not known here, without their bit 7. */
  readonly rest: readonly number[];
  /** The meter says in an extension that it has no value: none, overflow, underflow, error. */
  readonly isEmpty: boolean;
}

interface Entry {
  readonly first: number;
  readonly last: number;
  readonly quantity: MbusQuantity;
  /** Power of ten of the first; absent where the codes are no powers of ten. */
  readonly power?: number;
  readonly times?: readonly bigint[];
  readonly divisor?: bigint;
}

const TIMES = [1n, 60n, 3600n, 86_400n];

/** Primary VIF: EN 13757-3, table of the primary VIF codes. */
const PRIMARY: readonly Entry[] = [
  { first: 0x00, last: 0x07, quantity: 'energy', power: -3 },
  { first: 0x08, last: 0x0f, quantity: 'energy', power: 0, divisor: 3600n },
  { first: 0x10, last: 0x17, quantity: 'volume', power: -6 },
  { first: 0x18, last: 0x1f, quantity: 'mass', power: -3 },
  { first: 0x20, last: 0x23, quantity: 'onTime', times: TIMES },
  { first: 0x24, last: 0x27, quantity: 'operatingTime', times: TIMES },
  { first: 0x28, last: 0x2f, quantity: 'power', power: -3 },
  { first: 0x30, last: 0x37, quantity: 'power', power: 0, divisor: 3600n },
  { first: 0x38, last: 0x3f, quantity: 'volumeFlow', power: -6 },
  // m³/min and m³/s.
  { first: 0x40, last: 0x47, quantity: 'volumeFlow', power: -7, times: [60n] },
  { first: 0x48, last: 0x4f, quantity: 'volumeFlow', power: -9, times: [3600n] },
  { first: 0x50, last: 0x57, quantity: 'massFlow', power: -3 },
  { first: 0x58, last: 0x5b, quantity: 'flowTemperature', power: -3 },
  { first: 0x5c, last: 0x5f, quantity: 'returnTemperature', power: -3 },
  { first: 0x60, last: 0x63, quantity: 'temperatureDifference', power: -3 },
  { first: 0x64, last: 0x67, quantity: 'externalTemperature', power: -3 },
  { first: 0x68, last: 0x6b, quantity: 'pressure', power: -3 },
  { first: 0x6c, last: 0x6c, quantity: 'date' },
  { first: 0x6d, last: 0x6d, quantity: 'dateTime' },
  { first: 0x6e, last: 0x6e, quantity: 'heatCost' },
  { first: 0x78, last: 0x78, quantity: 'fabricationNumber' },
];

/** Behind FD. */
const MAIN_EXTENSION: readonly Entry[] = [
  { first: 0x17, last: 0x17, quantity: 'errorFlags' },
  { first: 0x40, last: 0x4f, quantity: 'voltage', power: -9 },
  { first: 0x50, last: 0x5f, quantity: 'current', power: -12 },
];

/** Behind FB: large units of MWh, GJ, m³, t, MW and GJ/h; % and Hz. */
const ALTERNATE_EXTENSION: readonly Entry[] = [
  { first: 0x00, last: 0x01, quantity: 'energy', power: 5 },
  { first: 0x08, last: 0x09, quantity: 'energy', power: 8, divisor: 3600n },
  { first: 0x10, last: 0x11, quantity: 'volume', power: 2 },
  { first: 0x18, last: 0x19, quantity: 'mass', power: 5 },
  { first: 0x1a, last: 0x1b, quantity: 'humidity', power: -1 },
  { first: 0x28, last: 0x29, quantity: 'power', power: 5 },
  { first: 0x2c, last: 0x2f, quantity: 'frequency', power: -3 },
  { first: 0x30, last: 0x31, quantity: 'power', power: 8, divisor: 3600n },
];

const [ALTERNATE, MAIN] = [0xfb, 0xfd];
const MAKERS = 0x7f;
const EXTENDED = 0x80;

/** What a VIF and its extensions mean; undefined when it is none of the quantities. */
export function meaningOf(information: Uint8Array): MbusMeaning | undefined {
  const [vif = MAKERS, next = 0] = information;
  const [table, code, extensions] =
    vif === MAIN
      ? [MAIN_EXTENSION, next, 2]
      : vif === ALTERNATE
        ? [ALTERNATE_EXTENSION, next, 2]
        : [PRIMARY, vif, 1];
  const plain = code & ~EXTENDED;
  const entry = table.find(({ first, last }) => plain >= first && plain <= last);
  if (entry === undefined) return undefined;
  const { quantity, divisor = 1n } = entry;
  let factor = factorOf(entry, plain - entry.first);
  let isEmpty = false;
  const rest: number[] = [];
  for (const byte of information.subarray(extensions)) {
    const extension = byte & ~EXTENDED;
    // Behind the maker's own extension the others are the maker's as well.
    if (rest.includes(MAKERS)) rest.push(extension);
    else if (extension >= 0x70 && extension <= 0x77)
      factor = multiply(factor, { digits: 1n, exponent: extension - 0x76 });
    else if (extension === 0x7d) factor = multiply(factor, { digits: 1n, exponent: 3 });
    else if (extension >= 0x15 && extension <= 0x18) isEmpty = true;
    else if (extension !== 0) rest.push(extension);
  }
  return { quantity, factor, divisor, rest, isEmpty };
}

function factorOf({ power, times }: Entry, index: number): Decimal {
  if (power === undefined)
    return times === undefined ? ONE : { digits: times[index] ?? 1n, exponent: 0 };
  return multiply(
    { digits: times?.[0] ?? 1n, exponent: 0 },
    { digits: 1n, exponent: power + index },
  );
}
