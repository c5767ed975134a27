import { MAPPER_LIMITS } from '../limits.js';

export const MBUS_FUNCTIONS = ['instantaneous', 'maximum', 'minimum', 'error'] as const;

/** One data record of the variable data structure (EN 13757-3): its header and its bytes. */
export interface MbusRecord {
  readonly function: (typeof MBUS_FUNCTIONS)[number];
  /** 0 the present value, 1 and more what was stored at due dates. */
  readonly storage: number;
  readonly tariff: number;
  readonly subunit: number;
  /** Data field of the DIF, 0 to 14. */
  readonly coding: number;
  /** VIF and its extensions as sent, without the text of a VIF in plain text. */
  readonly information: Uint8Array;
  /** Of a variable length: without the byte that says it. */
  readonly data: Uint8Array;
  /** That byte. */
  readonly lvar?: number;
}

export interface MbusTelegram {
  readonly address: number;
  /** The eight digits of the meter, as text. */
  readonly identification: string;
  /** Three letters. */
  readonly manufacturer: string;
  readonly version: number;
  readonly medium: number;
  readonly accessNumber: number;
  /** Bits 0 and 1 of the application, 2 power low, 3 permanent error, 4 temporary error, 5 to 7 the maker's. */
  readonly status: number;
  readonly records: readonly MbusRecord[];
}

const [START, STOP] = [0x68, 0x16];
/** C field of RSP_UD, whatever the bits of access demand and data flow say. */
const [RSP_UD, RSP_UD_MASK] = [0x08, 0xcf];
/** CI field: variable data structure with the long header, low byte first. */
const VARIABLE = 0x72;
/** 68 L L 68 C A CI, then the header, the records, the checksum and 16. */
const [HEADER_AT, HEADER_BYTES, TAIL_BYTES] = [7, 12, 2];
const [MAKERS_DATA, MORE_FOLLOWS, FILLER] = [0x0f, 0x1f, 0x2f];
const EXTENDED = 0x80;
/** Of data fields 0 to 14; 13 says its own length. */
const DATA_BYTES = [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, -1, 6] as const;
const VARIABLE_LENGTH = 13;
/** VIF whose text stands behind it, its length first. */
const PLAIN_TEXT = 0x7c;

/**
 * What a long frame from 68 to 16 says; its checksum is the framer's. Undefined when it is another
 * frame, when its data is encrypted, or when its records do not end where it ends: then one of them
 * was not understood, and none is believed.
 */
export function decodeTelegram(frame: Uint8Array): MbusTelegram | undefined {
  const [start, length = 0, again, second, control = 0, address = 0, kind] = frame;
  const isLongFrame = start === START && second === START && length === again;
  if (!isLongFrame || frame.length !== length + 6 || frame.at(-1) !== STOP) return undefined;
  if ((control & RSP_UD_MASK) !== RSP_UD || kind !== VARIABLE) return undefined;
  if (frame.length < HEADER_AT + HEADER_BYTES + TAIL_BYTES) return undefined;
  const header = frame.subarray(HEADER_AT, HEADER_AT + HEADER_BYTES);
  const at = (index: number): number => header[index] ?? 0;
  // The mode of the configuration field: 1 to 15 encrypt. Meters from before it put ff and others there.
  const mode = at(11) & 0x1f;
  if (mode > 0 && mode < 0x10) return undefined;
  const records = decodeRecords(frame.subarray(HEADER_AT + HEADER_BYTES, -TAIL_BYTES));
  if (records === undefined) return undefined;
  const identification = Buffer.from(header.subarray(0, 4).toReversed()).toString('hex');
  const maker = at(4) | (at(5) << 8);
  const letters = [10, 5, 0].map((shift) => ((maker >> shift) & 0x1f) + 0x40);
  return {
    ...{ address, identification, manufacturer: String.fromCharCode(...letters) },
    ...{ version: at(6), medium: at(7), accessNumber: at(8), status: at(9), records },
  };
}

/** All records up to the maker's data or the end; undefined when they do not end there. */
export function decodeRecords(bytes: Uint8Array): readonly MbusRecord[] | undefined {
  const records: MbusRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const dif = bytes[at];
    if (dif === MAKERS_DATA || dif === MORE_FOLLOWS) break;
    if (dif === FILLER) {
      at += 1;
      continue;
    }
    const record = recordAt(bytes, at);
    if (record === undefined || records.length === MAPPER_LIMITS.mbusRecords) return undefined;
    records.push(record.record);
    at = record.end;
  }
  return records;
}

function recordAt(
  bytes: Uint8Array,
  start: number,
): { readonly record: MbusRecord; readonly end: number } | undefined {
  const block = extendedAt(bytes, start);
  const dif = block?.[0];
  if (block === undefined || dif === undefined) return undefined;
  const coding = dif & 0x0f;
  const information = extendedAt(bytes, start + block.length, true);
  if (coding === 0x0f || information === undefined) return undefined;
  let at = start + block.length + information.length + plainTextBytes(bytes, start + block.length);
  let size: number | undefined = DATA_BYTES[coding];
  let lvar: number | undefined;
  if (coding === VARIABLE_LENGTH) {
    lvar = bytes[at];
    size = lvar === undefined ? undefined : variableBytes(lvar);
    at += 1;
  }
  if (size === undefined || at + size > bytes.length) return undefined;
  const data = bytes.subarray(at, at + size);
  const which = {
    function: MBUS_FUNCTIONS[(dif >> 4) & 0x03] ?? 'instantaneous',
    ...places(block),
  };
  const record = { ...which, coding, information, data };
  return { record: lvar === undefined ? record : { ...record, lvar }, end: at + size };
}

/** Storage number, tariff and subunit, low bits first: one bit in the DIF, 4, 2 and 1 in each DIFE. */
function places(block: Uint8Array): Pick<MbusRecord, 'storage' | 'tariff' | 'subunit'> {
  let [storage, tariff, subunit] = [((block[0] ?? 0) >> 6) & 1, 0, 0];
  block.subarray(1).forEach((dife, index) => {
    // Not shifted: ten of them make 41 bits.
    storage += (dife & 0x0f) * 2 ** (1 + 4 * index);
    tariff += ((dife >> 4) & 0x03) * 2 ** (2 * index);
    subunit += ((dife >> 6) & 0x01) * 2 ** index;
  });
  return { storage, tariff, subunit };
}

/** A byte and those that its bit 7 announces, over the text between them that a VIF may have. */
function extendedAt(bytes: Uint8Array, start: number, isVif = false): Uint8Array | undefined {
  const found: number[] = [];
  let at = start;
  for (;;) {
    const byte = bytes[at];
    if (byte === undefined || found.length > MAPPER_LIMITS.mbusExtensions) return undefined;
    found.push(byte);
    at += 1 + (isVif && at === start ? plainTextBytes(bytes, at) : 0);
    if ((byte & EXTENDED) === 0) return Uint8Array.from(found);
  }
}

/** Bytes of the text behind a VIF at `at`, with that of its length. */
function plainTextBytes(bytes: Uint8Array, at: number): number {
  const isText = ((bytes[at] ?? 0) & ~EXTENDED) === PLAIN_TEXT;
  return isText ? 1 + (bytes[at + 1] ?? 0) : 0;
}

/** Text, digits, binary numbers of up to 15 bytes and of 16 to 32; undefined of what is reserved. */
function variableBytes(lvar: number): number | undefined {
  if (lvar < 0xc0) return lvar;
  if (lvar < 0xf0) return lvar & 0x0f;
  return lvar < 0xf5 ? 4 * (lvar - 0xec) : undefined;
}
