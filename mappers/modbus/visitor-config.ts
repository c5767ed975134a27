import type { Property } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { ConfigReader } from '../config-reader.js';
import { multiply, ONE, parseDecimal, toInteger, type Decimal } from '../decimal.js';
import { readReportKeys } from '../report-policy.js';
import { readBits, readShowing } from '../showing-config.js';
import type { Showing } from '../showing.js';
import { isBits, READ_MAX, WRITE_MAX, type RegisterKind } from './frame.js';
import { isFloat } from './number-codec.js';
import { registersOf, WIRE_TYPES, type Visitor, type WireType } from './visitor.js';
import { ORDERS, type Order } from './words.js';

const REGISTERS: Readonly<Record<string, RegisterKind>> = {
  CoilRegister: 'coil',
  DiscreteInputRegister: 'discrete',
  HoldingRegister: 'holding',
  InputRegister: 'input',
};

/** KubeEdge's names; its integers are unsigned and as long as `limit` says. */
const KUBEEDGE_TYPES = ['int', 'float', 'double'] as const;
const DATA_TYPES = [...KUBEEDGE_TYPES, ...WIRE_TYPES];

/** Reads the configData of a Modbus visitor (docs/mappers.md). */
export function readVisitor(
  property: Property,
  data: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): { visitor: Visitor | undefined; issues: readonly DeviceIssue[] } {
  const reader = new ConfigReader(data, path, ['max', 'min', 'customizedValues']);
  const register = reader.choice('register', Object.keys(REGISTERS));
  const kind = register === undefined ? undefined : REGISTERS[register];
  const offset = reader.integer('offset', 0, 65_535, undefined, manualHint);
  const fallback = kind !== undefined && isBits(kind) ? 'boolean' : 'int';
  const named = reader.choice('dataType', DATA_TYPES, fallback);
  const limit = reader.has('limit') ? reader.integer('limit', 1, READ_MAX.bits) : undefined;
  const order = orderOf(reader);
  const scale = scaleOf(reader);
  const extras = readExtras(property, reader);
  readReportKeys(reader);
  reader.unknownKeys();
  const none = { visitor: undefined, issues: reader.issues };
  if (kind === undefined || named === undefined) return none;
  const type = wireType(reader, named, limit, kind);
  const count = type === undefined ? undefined : countOf(reader, type, limit, kind);
  if (offset === undefined || order === undefined || scale === undefined) return none;
  if (type === undefined || count === undefined) return none;
  const visitor = { kind, offset, count, type, order, scale, ...extras };
  checkFit(reader, property, visitor);
  checkParts(reader, visitor);
  return { visitor, issues: reader.issues };
}

/** Manuals name registers 400001 to 465536, or 300001 on: the address that travels counts from 0. */
function manualHint(raw: unknown): string | undefined {
  const number = typeof raw === 'number' || typeof raw === 'string' ? Number(raw) : NaN;
  const offset = (number % 100_000) - 1;
  return number > 100_000 && number < 500_000 && offset >= 0
    ? `Manuals count from 400001 or 300001: write ${offset}.`
    : undefined;
}

type Extras = Showing & Partial<Pick<Visitor, 'add' | 'bits' | 'byte' | 'exponentAt'>>;

function readExtras(property: Property, reader: ConfigReader): Extras {
  const has = (key: string): boolean => reader.has(key);
  const add = has('add') ? decimalOf(reader, 'add') : undefined;
  const showing = readShowing(property, reader, 'numbers');
  const bits = readBits(reader, 15);
  const byte = has('byte') ? reader.choice('byte', ['high', 'low'] as const) : undefined;
  const exponentAt = has('exponentAt') ? reader.integer('exponentAt', 0, 65_535) : undefined;
  return {
    ...showing,
    ...(add === undefined ? {} : { add }),
    ...(bits === undefined ? {} : { bits }),
    ...(byte === undefined ? {} : { byte }),
    ...(exponentAt === undefined ? {} : { exponentAt }),
  };
}

function decimalOf(reader: ConfigReader, key: string): Decimal | undefined {
  const number = reader.number(key, 0);
  const exact = number === undefined ? undefined : parseDecimal(number);
  if (number !== undefined && exact === undefined) reader.issue(key, 'is too small or large');
  return exact;
}

function orderOf(reader: ConfigReader): Order | undefined {
  if (reader.has('order')) return reader.choice('order', ORDERS);
  const bytes = reader.flag('isSwap');
  const registers = reader.flag('isRegisterSwap');
  if (bytes === undefined || registers === undefined) return undefined;
  if (bytes) return registers ? 'DCBA' : 'BADC';
  return registers ? 'CDAB' : 'ABCD';
}

/** KubeEdge's samples leave a scale of 0 where none is meant. */
function scaleOf(reader: ConfigReader): Decimal | undefined {
  const scale = reader.number('scale', 1);
  if (scale === undefined) return undefined;
  const exact = scale === 0 ? ONE : parseDecimal(scale);
  if (exact === undefined) reader.issue('scale', 'is too small or large');
  return exact;
}

function wireType(
  reader: ConfigReader,
  named: (typeof DATA_TYPES)[number],
  limit: number | undefined,
  kind: RegisterKind,
): WireType | undefined {
  if (isBits(kind)) {
    if (named === 'boolean' || named === 'bytes') return named;
    if (named === 'int') return 'boolean';
    reader.issue('dataType', `is ${named}, but bits are boolean, int or bytes`);
    return undefined;
  }
  if (named === 'float') return 'float32';
  if (named === 'double') return 'float64';
  if (named !== 'int') return named;
  const type = ({ 1: 'uint16', 2: 'uint32', 4: 'uint64' } as const)[limit ?? 1];
  if (type === undefined)
    reader.issue('limit', `is ${limit ?? 1}, but an int has 1, 2 or 4 registers`);
  return type;
}

function countOf(
  reader: ConfigReader,
  type: WireType,
  limit: number | undefined,
  kind: RegisterKind,
): number | undefined {
  const fixed = registersOf(type);
  if (fixed !== undefined) {
    if (limit === undefined || limit === fixed) return fixed;
    reader.issue('limit', `is ${limit}, but dataType ${type} has ${fixed}`);
    return undefined;
  }
  const max = isBits(kind) ? READ_MAX.bits : READ_MAX.registers;
  if (limit !== undefined && limit <= max) return limit;
  const wrong = limit === undefined ? 'is missing' : `is ${limit}`;
  const hint = type === 'string' ? 'Two characters a register: limit: 8 holds 16.' : undefined;
  reader.issue('limit', `${wrong}: a ${type} is as long as it says, at most ${max}`, hint);
  return undefined;
}

/** What could never work is said before anything starts. */
function checkFit(reader: ConfigReader, property: Property, visitor: Visitor): void {
  const { kind, offset, count, type, scale, precision } = visitor;
  if (offset + count > 65_536) reader.issue('offset', `${offset} + ${count} ends beyond 65535`);
  if (property.access === 'ReadWrite') {
    if (kind === 'discrete' || kind === 'input')
      reader.issue(
        'register',
        `cannot be written, but ${property.name} is ReadWrite`,
        'Make the property ReadOnly, or name a CoilRegister or HoldingRegister.',
      );
    else if (count > (isBits(kind) ? WRITE_MAX.bits : WRITE_MAX.registers))
      reader.issue('limit', `is ${count}, more than one write can carry`);
  }
  if (type === 'bytes' && property.type !== 'bytes' && property.type !== 'string')
    reader.issue('dataType', `is bytes, but the property is of type ${property.type}`);
  if (type !== 'bytes' && property.type === 'bytes')
    reader.issue('dataType', `is ${type}, but the property is of type bytes`, 'Use bytes.');
  if (type === 'string' && property.type !== 'string')
    reader.issue('dataType', `is string, but the property is of type ${property.type}`);
  if (property.type === 'int' && toInteger(multiply(ONE, scale)) === undefined && precision !== 0)
    reader.issue(
      'scale',
      'gives fractions, which a property of type INT cannot hold',
      'Make the property FLOAT or DOUBLE.',
    );
  if (property.type === 'int' && isFloat(type))
    reader.issue('dataType', `is ${type}, but the property is INT`, 'Make the property FLOAT.');
}

/** Parts of a register, names and orders go with some types only. */
function checkParts(reader: ConfigReader, visitor: Visitor): void {
  const { kind, type, count, order, bits, byte, names } = visitor;
  if ((bits !== undefined || byte !== undefined) && isBits(kind))
    reader.issue(bits === undefined ? 'byte' : 'bit', 'is a part of a register, not of bits');
  if (bits !== undefined && type !== 'uint16')
    reader.issue('bit', `is of a ${type}`, 'Parts are of one register: leave dataType out.');
  const is8 = type === 'int8' || type === 'uint8';
  if (byte !== undefined && !is8 && type !== 'string')
    reader.issue('byte', `is of a ${type}`, 'Use int8, uint8 or string.');
  if (is8 && byte === undefined)
    reader.issue('byte', 'is missing: a register has two', 'Say byte: high or byte: low.');
  if (order.length === 8 && count !== 4)
    reader.issue('order', `${order} is of four registers, not ${count}`);
  if (names !== undefined && (type === 'string' || type === 'bytes' || type === 'boolean'))
    reader.issue('enum', `names numbers, not ${type}`);
}
