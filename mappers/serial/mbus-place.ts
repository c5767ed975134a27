import type { ConfigReader } from '../config-reader.js';
import type { Decimal } from '../decimal.js';
import { MAPPER_LIMITS } from '../limits.js';
import { checksumOf } from './checksum.js';
import { MBUS_RECORD_QUANTITIES, meaningOf, type MbusQuantity } from './mbus-quantity.js';
import { decodeTelegram, MBUS_FUNCTIONS, type MbusRecord } from './mbus-telegram.js';
import { valueOf } from './mbus-value.js';

const HEADER_QUANTITIES = [
  ...(['identification', 'manufacturer', 'version', 'medium'] as const),
  ...(['accessNumber', 'status'] as const),
] as const;
const QUANTITIES = [...MBUS_RECORD_QUANTITIES, ...HEADER_QUANTITIES];

/** Which record of an M-Bus telegram (EN 13757-3) holds a property. */
export interface MbusPlace extends Pick<MbusRecord, 'function' | 'storage' | 'tariff' | 'subunit'> {
  readonly kind: 'record';
  readonly quantity: MbusQuantity | (typeof HEADER_QUANTITIES)[number];
  /** Extensions of the VIF that change what it is, without their bit 7. */
  readonly vife: readonly number[];
  /** Which of several alike, from 1. */
  readonly nth: number;
  /** The only meter whose telegrams count; undefined: any. */
  readonly from?: number | undefined;
}

/** Addresses that a meter may have (EN 13757-2); 0 is one that was never given another. */
const ADDRESS_MAX = 250;
/** Short frame, 10 C A CS 16. */
const [SHORT_START, SHORT_BYTES, STOP] = [0x10, 5, 0x16];
/** In a long frame, 68 L L 68 C A CI: the first byte of its checksum, and its address. */
const [SUMMED_AT, ADDRESS_AT] = [4, 5];

/** Largest numbers that ten extensions of a DIF can say. */
const [STORAGE_MAX, TARIFF_MAX, SUBUNIT_MAX] = [2 ** 41 - 1, 2 ** 20 - 1, 2 ** 10 - 1];

/** The key `record` of a property. */
export function readMbusPlace(reader: ConfigReader): MbusPlace | undefined {
  const section = reader.section('record');
  if (section === undefined) return undefined;
  const quantity = section.choice('quantity', QUANTITIES);
  const which = section.choice('function', MBUS_FUNCTIONS, 'instantaneous');
  const storage = section.integer('storage', 0, STORAGE_MAX, 0);
  const tariff = section.integer('tariff', 0, TARIFF_MAX, 0);
  const subunit = section.integer('subunit', 0, SUBUNIT_MAX, 0);
  const nth = section.integer('nth', 1, MAPPER_LIMITS.mbusRecords, 1);
  const vife = section.has('vife') ? section.hex('vife') : new Uint8Array(0);
  section.unknownKeys();
  if (quantity === undefined || which === undefined || vife === undefined) return undefined;
  if (storage === undefined || tariff === undefined || subunit === undefined) return undefined;
  if (nth === undefined) return undefined;
  const extensions = Array.from(vife, (byte) => byte & 0x7f);
  const place = { storage, tariff, subunit, nth, vife: extensions };
  return { kind: 'record', quantity, function: which, ...place };
}

/** Undefined when the frame is no telegram of this meter; null when that has no value of it. */
export function findRecord(
  place: MbusPlace,
  frame: Uint8Array,
): Decimal | string | null | undefined {
  const telegram = decodeTelegram(frame);
  if (telegram === undefined) return undefined;
  if (place.from !== undefined && place.from !== telegram.address) return undefined;
  const { quantity } = place;
  switch (quantity) {
    case 'identification':
    case 'manufacturer':
      return telegram[quantity];
    case 'version':
    case 'medium':
    case 'accessNumber':
    case 'status':
      return { digits: BigInt(telegram[quantity]), exponent: 0 };
    default:
      return recordOf({ ...place, quantity }, telegram.records);
  }
}

/** Null also when there is none: the telegram is the answer, and no other will come. */
function recordOf(place: MbusPlace, records: readonly MbusRecord[]): Decimal | string | null {
  let alike = 0;
  for (const record of records) {
    if (record.function !== place.function || record.storage !== place.storage) continue;
    if (record.tariff !== place.tariff || record.subunit !== place.subunit) continue;
    const meaning = meaningOf(record.information);
    if (meaning?.quantity !== place.quantity || !isSame(meaning.rest, place.vife)) continue;
    const value = valueOf(record, meaning);
    if (value !== undefined && ++alike === place.nth) return value;
  }
  return null;
}

/** Address of the meter that a request asks; undefined when any may answer, or it is no request of M-Bus. */
export function addressAsked(request: Uint8Array | undefined): number | undefined {
  const address = isShortFrame(request) ? request[2] : undefined;
  return address === undefined || address > ADDRESS_MAX ? undefined : address;
}

/** A request of M-Bus for the meter that `unitId` names, if it is there; others as they are. */
export function addressed(
  reader: ConfigReader,
  request: Uint8Array | undefined,
  isNamed: boolean,
): Uint8Array | undefined {
  if (!isNamed) return request;
  if (!isShortFrame(request)) {
    reader.issue('unitId', 'is of Modbus', 'A serial sensor has no unit: take it away.');
    return request;
  }
  const unit = reader.integer('unitId', 0, ADDRESS_MAX);
  if (unit === undefined) return request;
  const named = request.with(2, unit);
  return named.with(3, checksumOf('sum8', named.subarray(1, 3)));
}

/** A telegram as the meter of that address would have sent it. */
export function answerFrom(telegram: Uint8Array, address: number): Uint8Array {
  const sent = telegram.with(ADDRESS_AT, address);
  return sent.with(-2, checksumOf('sum8', sent.subarray(SUMMED_AT, -2)));
}

/** A property whose record only counts when that meter sent it. */
export function answeredBy<V extends { readonly place: { readonly kind: string } }>(
  visitor: V,
  from: number | undefined,
): V {
  return visitor.place.kind === 'record'
    ? { ...visitor, place: { ...visitor.place, from } }
    : visitor;
}

function isShortFrame(bytes: Uint8Array | undefined): bytes is Uint8Array {
  return bytes?.length === SHORT_BYTES && bytes[0] === SHORT_START && bytes[4] === STOP;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
