import type { Device, Property } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { ConfigReader } from '../config-reader.js';
import { MAPPER_LIMITS } from '../limits.js';
import type { SerialSettings } from '../serial-port.js';
import { multiply, ONE, parseDecimal, toInteger, type Decimal } from '../decimal.js';
import { isBits, READ_MAX, WRITE_MAX, type RegisterKind } from './frame.js';
import type { TcpSettings } from '../tcp-link.js';
import {
  ORDERS,
  registersOf,
  WIRE_TYPES,
  type Order,
  type Visitor,
  type WireType,
} from './visitor.js';

export type BusSettings =
  ({ readonly transport: 'rtu' } & SerialSettings) | ({ readonly transport: 'tcp' } & TcpSettings);

export interface ModbusSettings {
  readonly bus: BusSettings;
  readonly unit: number;
  /** Milliseconds that the device has to begin its answer. */
  readonly timeoutMs: number;
  /** By property name. */
  readonly visitors: ReadonlyMap<string, Visitor>;
}

const PROTOCOL_PATH = ['spec', 'protocol', 'configData'];
const UNIT_KEYS_IGNORED = ['rs485Enabled', 'protocol', 'protocolID', 'customizedValues'];

const REGISTERS: Readonly<Record<string, RegisterKind>> = {
  CoilRegister: 'coil',
  DiscreteInputRegister: 'discrete',
  HoldingRegister: 'holding',
  InputRegister: 'input',
};

/** KubeEdge's names; its integers are unsigned and as long as `limit` says. */
const KUBEEDGE_TYPES = ['int', 'float', 'double'] as const;
const DATA_TYPES = [...KUBEEDGE_TYPES, ...WIRE_TYPES];

/**
 * Reads the canonical configData of a Modbus device (docs/mappers.md): keys `transport`, `port`,
 * `baudRate`, `dataBits`, `stopBits`, `parity` or `host`, `tcpPort`; `unitId`, `timeout`. The
 * settings are only complete when there are no issues.
 */
export function readSettings(device: Device): {
  readonly settings: ModbusSettings | undefined;
  readonly issues: readonly DeviceIssue[];
} {
  const reader = new ConfigReader(device.protocol.configData, PROTOCOL_PATH, UNIT_KEYS_IGNORED);
  const transport = reader.choice('transport', ['rtu', 'tcp'] as const);
  const bus = transport === 'rtu' ? serial(reader) : transport === 'tcp' ? tcp(reader) : undefined;
  // Serial Line V1.02 section 2.2: 1 to 247, and 0 is a broadcast that nobody answers; some devices
  // answer to a reserved address as well, whatever their own is (PZEM 248, SenseAir 254). On TCP 0
  // and 255 address the device itself (Messaging on TCP/IP V1.0b section 4.4.1.2).
  const [least, most] = transport === 'tcp' ? [0, 255] : [1, 255];
  const unit = reader.integer('unitId', least, most, 1);
  const timeoutMs = reader.integer(
    'timeout',
    MAPPER_LIMITS.requestTimeoutMinMs,
    MAPPER_LIMITS.requestTimeoutMaxMs,
    MAPPER_LIMITS.requestTimeoutMs,
  );
  if (transport !== undefined) reader.misspellings();
  const issues = [...reader.issues];
  const visitors = new Map<string, Visitor>();
  device.properties.forEach((property, index) => {
    if (property.visitor === undefined) return;
    const path = ['spec', 'properties', index, 'visitors', 'configData'];
    const found = readVisitor(property, property.visitor.configData, path);
    issues.push(...found.issues);
    if (found.visitor !== undefined) visitors.set(property.name, found.visitor);
  });
  issues.push(...methodIssues(device, visitors));
  if (issues.length > 0 || bus === undefined || unit === undefined || timeoutMs === undefined)
    return { settings: undefined, issues };
  return { settings: { bus, unit, timeoutMs, visitors }, issues };
}

/** Devices of one identity share one scheduler. `port` should be resolved of symbolic links. */
export function busIdentity(bus: BusSettings): string {
  return bus.transport === 'rtu'
    ? `rtu:${bus.port.replace(/\/{2,}/g, '/')}`
    : `tcp:${bus.host.toLowerCase()}:${bus.tcpPort}`;
}

function serial(reader: ConfigReader): BusSettings | undefined {
  const port = reader.text('port');
  const baudRate = reader.integer('baudRate', 300, 4_000_000, 9600);
  const dataBits = reader.choice('dataBits', ['7', '8'] as const, '8');
  const stopBits = reader.choice('stopBits', ['1', '2'] as const, '1');
  const parity = reader.choice('parity', ['none', 'even', 'odd'] as const, 'none');
  if (port === undefined || baudRate === undefined || parity === undefined) return undefined;
  if (dataBits === undefined || stopBits === undefined) return undefined;
  return {
    transport: 'rtu',
    port,
    baudRate,
    dataBits: dataBits === '7' ? 7 : 8,
    stopBits: stopBits === '2' ? 2 : 1,
    parity,
  };
}

function tcp(reader: ConfigReader): BusSettings | undefined {
  const host = reader.text('host');
  const tcpPort = reader.integer('tcpPort', 1, 65_535, 502);
  if (host === undefined || tcpPort === undefined) return undefined;
  return { transport: 'tcp', host, tcpPort };
}

function readVisitor(
  property: Property,
  data: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): { visitor: Visitor | undefined; issues: readonly DeviceIssue[] } {
  const reader = new ConfigReader(data, path, ['max', 'min']);
  const register = reader.choice('register', Object.keys(REGISTERS));
  const kind = register === undefined ? undefined : REGISTERS[register];
  const offset = reader.integer('offset', 0, 65_535);
  const fallback = kind !== undefined && isBits(kind) ? 'boolean' : 'int';
  const named = reader.choice('dataType', DATA_TYPES, fallback);
  const limit = reader.has('limit') ? reader.integer('limit', 1, READ_MAX.bits) : undefined;
  const order = orderOf(reader);
  const scale = scaleOf(reader);
  reader.misspellings();
  if (kind === undefined || named === undefined)
    return { visitor: undefined, issues: reader.issues };
  const type = wireType(reader, named, limit, kind);
  const count = type === undefined ? undefined : countOf(reader, type, limit, kind);
  if (offset === undefined || order === undefined || scale === undefined)
    return { visitor: undefined, issues: reader.issues };
  if (type === undefined || count === undefined)
    return { visitor: undefined, issues: reader.issues };
  const visitor = { kind, offset, count, type, order, scale };
  checkFit(reader, property, visitor);
  return { visitor, issues: reader.issues };
}

/** A method writes its properties, whatever their access is to desired values. */
function methodIssues(
  { methods = [] }: Device,
  visitors: ReadonlyMap<string, Visitor>,
): readonly DeviceIssue[] {
  return methods.flatMap(({ properties }, index) =>
    properties.flatMap((name) => {
      const kind = visitors.get(name)?.kind;
      if (kind !== 'input' && kind !== 'discrete') return [];
      const path = ['spec', 'methods', index, 'propertyNames'];
      const hint = 'Name properties in a CoilRegister or HoldingRegister.';
      return [{ path, message: `has ${name}, whose register cannot be written`, hint }];
    }),
  );
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
  reader.issue('limit', `${wrong}: a ${type} is as long as it says, at most ${max}`);
  return undefined;
}

/** What could never work is said before anything starts. */
function checkFit(reader: ConfigReader, property: Property, visitor: Visitor): void {
  const { kind, offset, count, type, scale } = visitor;
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
  if (property.type === 'int' && toInteger(multiply(ONE, scale)) === undefined)
    reader.issue(
      'scale',
      'gives fractions, which a property of type INT cannot hold',
      'Make the property FLOAT or DOUBLE.',
    );
  if (property.type === 'int' && (type === 'float32' || type === 'float64'))
    reader.issue('dataType', `is ${type}, but the property is INT`, 'Make the property FLOAT.');
}
