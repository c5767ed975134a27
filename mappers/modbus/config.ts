import type { Device } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { ConfigReader } from '../config-reader.js';
import { isDerived } from '../derived-config.js';
import { MAPPER_LIMITS } from '../limits.js';
import { readCycle } from '../poll-keys.js';
import { readBus, TRANSPORTS, type BusSettings } from './bus-settings.js';
import { readDeviceLimits, type DeviceLimits } from './device-limits.js';
import { manualNumbers } from './manual-number.js';
import { readPoint, type PointName } from './sunspec-point.js';
import { readVisitor } from './visitor-config.js';
import type { Visitor } from './visitor.js';

export interface ModbusSettings {
  readonly bus: BusSettings;
  readonly unit: number;
  /** Most milliseconds that the device has to begin its answer. */
  readonly timeoutMs: number;
  readonly limits: DeviceLimits;
  /** By property name. */
  readonly visitors: ReadonlyMap<string, Visitor>;
  /** Points that the device itself says the place of, by property name. */
  readonly points: ReadonlyMap<string, PointName>;
}

const UNIT_HINT = 'Write the number that is set at the device; edgetwin mapper scan finds it.';
const PROTOCOL_PATH = ['spec', 'protocol', 'configData'];
/** Of KubeEdge's documents; and of other transports, which a template may have. */
const KEYS_IGNORED = [
  ...['rs485Enabled', 'protocol', 'protocolID', 'customizedValues'],
  ...['port', 'baudRate', 'dataBits', 'stopBits', 'parity', 'format', 'host', 'tcpPort'],
];

/**
 * Reads the canonical configData of a Modbus device (docs/mappers.md). The settings are only
 * complete when there are no errors.
 */
export function readSettings(device: Device): {
  readonly settings: ModbusSettings | undefined;
  /** Warnings leave the settings as they are. */
  readonly issues: readonly DeviceIssue[];
} {
  const reader = new ConfigReader(device.protocol.configData, PROTOCOL_PATH, KEYS_IGNORED);
  const transport = reader.choice('transport', TRANSPORTS);
  const bus = transport === undefined ? undefined : readBus(reader, transport);
  // Serial Line V1.02 section 2.2: 1 to 247, and 0 is a broadcast that nobody answers; some devices
  // answer to a reserved address as well, whatever their own is (PZEM 248, SenseAir 254). On TCP 0
  // and 255 address the device itself (Messaging on TCP/IP V1.0b section 4.4.1.2).
  const isSerial = transport === 'rtu' || transport === 'ascii' || transport === 'rtu-over-tcp';
  const unit = reader.integer('unitId', isSerial ? 1 : 0, 255, 1, () => UNIT_HINT);
  const timeoutMs = reader.integer(
    'timeout',
    MAPPER_LIMITS.requestTimeoutMinMs,
    MAPPER_LIMITS.requestTimeoutMaxMs,
    MAPPER_LIMITS.requestTimeoutMs,
  );
  const limits = readDeviceLimits(reader);
  readCycle(reader);
  const discovers = reader.has('discover');
  if (discovers) reader.choice('discover', ['sunspec'] as const);
  if (transport !== undefined) reader.unknownKeys();
  const issues = [...reader.issues];
  const visitors = new Map<string, Visitor>();
  const points = new Map<string, PointName>();
  device.properties.forEach((property, index) => {
    if (property.visitor === undefined || isDerived(property)) return;
    const path = ['spec', 'properties', index, 'visitors', 'configData'];
    const { configData } = property.visitor;
    if (Object.hasOwn(configData, 'point')) {
      const fields = new ConfigReader(configData, path);
      const point = readPoint(property, fields);
      if (!discovers)
        fields.issue('point', 'is of SunSpec', 'Add `discover: sunspec` to the device.');
      if (point !== undefined) points.set(property.name, point);
      issues.push(...fields.issues);
      return;
    }
    const found = readVisitor(property, configData, path);
    issues.push(...found.issues);
    if (found.visitor !== undefined) visitors.set(property.name, found.visitor);
  });
  issues.push(...methodIssues(device, visitors));
  if (issues.length > 0 || bus === undefined || unit === undefined || timeoutMs === undefined)
    return { settings: undefined, issues };
  const settings = { bus, unit, timeoutMs, limits, visitors, points };
  return { settings, issues: manualNumbers(device, visitors) };
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
