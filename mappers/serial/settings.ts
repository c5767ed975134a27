import type { Device } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { parseCycle } from '#protocol/device-document-cycle.js';
import { ConfigReader } from '../config-reader.js';
import { isDerived } from '../derived-config.js';
import { MAPPER_LIMITS } from '../limits.js';
import { parseFormat, readFormat } from '../line-format.js';
import { readCycle } from '../poll-keys.js';
import { readPort } from '../port-path.js';
import type { SerialSettings as PortSettings } from '../serial-port.js';
import type { TcpSettings } from '../tcp-link.js';
import { CHECKSUM_KINDS, checksumBytes } from './checksum.js';
import type { Checksum } from './checksum.js';
import { readFraming } from './framing.js';
import type { Framing } from './framing.js';
import type { Visitor } from './extract.js';
import { addressAsked, addressed, answeredBy } from './mbus-place.js';
import { readVisitor } from './visitor.js';

export type LineSettings =
  ({ readonly kind: 'port' } & PortSettings) | ({ readonly kind: 'tcp' } & TcpSettings);

/** A serial sensor as its device document describes it (docs/mappers.md). */
export interface SensorSettings {
  readonly line: LineSettings;
  readonly framing: Framing;
  readonly checksum: Checksum | undefined;
  /** Sent for each reading; absent when the sensor talks by itself. */
  readonly request: Uint8Array | undefined;
  /** Milliseconds that it has to answer. */
  readonly timeoutMs: number;
  /** A sensor that talks by itself is away when it was not heard for so long. */
  readonly staleAfterMs: number;
  /** By property name. */
  readonly visitors: ReadonlyMap<string, Visitor>;
}

const PATH = ['spec', 'protocol', 'configData'];
/** Of the port that a template has, where a device of it is at a host; and of the other spelling. */
const KEYS_IGNORED = ['port', 'baudRate', 'format', 'request', 'requestHex', 'unitId'];

export interface ReadSettings {
  /** Only when there are no issues. */
  readonly settings: SensorSettings | undefined;
  readonly issues: readonly DeviceIssue[];
}

export async function readSettings(device: Device): Promise<ReadSettings> {
  const reader = new ConfigReader(device.protocol.configData, PATH, KEYS_IGNORED);
  const line = readLine(reader);
  const framing = readFraming(reader);
  const checksum = readChecksum(reader);
  const isNamed = Object.hasOwn(device.protocol.configData, 'unitId');
  const request = addressed(reader, readRequest(reader), isNamed);
  const timeoutMs = duration(reader, 'timeout', MAPPER_LIMITS.requestTimeoutMs);
  const staleAfterMs = duration(reader, 'staleAfter', MAPPER_LIMITS.sensorStaleMs);
  readCycle(reader);
  reader.unknownKeys();
  const meter = addressAsked(request);
  const visitors = new Map<string, Visitor>();
  for (const [index, property] of device.properties.entries()) {
    if (property.visitor === undefined || isDerived(property)) continue;
    const path = ['spec', 'properties', index, 'visitors', 'configData'];
    const fields = new ConfigReader(property.visitor.configData, path, [], reader.issues);
    const visitor = await readVisitor(property, fields, framing?.maxBytes);
    if (visitor !== undefined) visitors.set(property.name, answeredBy(visitor, meter));
  }
  const issues = [...reader.issues, ...writtenIssues(device)];
  if (issues.length > 0 || line === undefined || framing === undefined)
    return { settings: undefined, issues };
  const settings = { line, framing, checksum, request, timeoutMs, staleAfterMs, visitors };
  return { settings, issues };
}

export function readLine(reader: ConfigReader): LineSettings | undefined {
  if (reader.has('host')) {
    const host = reader.text('host');
    const tcpPort = reader.integer('tcpPort', 1, 65_535);
    if (host === undefined || tcpPort === undefined) return undefined;
    return { kind: 'tcp', host, tcpPort };
  }
  const port = readPort(reader, 'Write port: /dev/serial/by-id/..., or host: and tcpPort:.');
  const baudRate = reader.integer('baudRate', 300, 4_000_000, 9600);
  const format = reader.has('format') ? readFormat(reader) : parseFormat('8N1');
  if (port === undefined || baudRate === undefined || format === undefined) return undefined;
  return { kind: 'port', port, baudRate, ...format };
}

/** Sensors are only read: what could only fail is said before anything starts. */
function writtenIssues({ properties, methods = [] }: Device): readonly DeviceIssue[] {
  const ofSensor = properties.filter((one) => one.visitor !== undefined && !isDerived(one));
  const written = ofSensor
    .filter(({ access }) => access === 'ReadWrite')
    .map((property) => ({
      path: ['spec', 'properties', properties.indexOf(property), 'accessMode'],
      message: `accessMode of ${property.name} is ReadWrite, but a serial sensor is only read`,
      hint: 'Make it ReadOnly.',
    }));
  const called = methods.flatMap(({ properties: names }, index) =>
    ofSensor
      .filter(({ name }) => names.includes(name))
      .map(({ name }) => ({
        path: ['spec', 'methods', index, 'propertyNames'],
        message: `propertyNames has ${name}, but a serial sensor is only read`,
        hint: 'Take it away: a sensor of the protocol serial has no methods.',
      })),
  );
  return [...written, ...called];
}

function readChecksum(reader: ConfigReader): Checksum | undefined {
  const section = reader.section('checksum');
  if (section === undefined) return undefined;
  const kind = section.choice('kind', CHECKSUM_KINDS);
  const hex = section.choice('as', ['bytes', 'hex'] as const, 'bytes') === 'hex';
  if (kind === undefined) return undefined;
  const at = section.integer('at', -4096, 4096, -checksumBytes(kind, hex));
  const over = section.has('over') ? section.text('over') : `0..${at ?? -1}`;
  const range = /^(-?\d{1,4})\.\.(-?\d{1,4})$/.exec(over ?? '');
  if (over !== undefined && range === null)
    section.issue('over', `is ${over}`, 'Write the first byte and the one after the last: 0..-2.');
  section.unknownKeys();
  if (at === undefined || range === null) return undefined;
  return { kind, from: Number(range[1]), to: Number(range[2]), at, hex };
}

/** As hexadecimal bytes, or as text with the escapes \r, \n and \t. */
function readRequest(reader: ConfigReader): Uint8Array | undefined {
  if (reader.has('requestHex')) {
    if (reader.has('request'))
      reader.issue(
        'request',
        'stands beside requestHex',
        'Keep one; over that of a template goes requestHex.',
      );
    return reader.hex('requestHex');
  }
  if (!reader.has('request')) return undefined;
  const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t' };
  const text = reader.text('request');
  if (text === undefined) return undefined;
  const plain = text.replaceAll(/\\([rnt])/g, (_, letter: string) => ESCAPES[letter] ?? '');
  return Buffer.from(plain, 'latin1');
}

function duration(reader: ConfigReader, key: string, absentMs: number): number {
  if (!reader.has(key)) return absentMs;
  const ms = parseCycle(reader.raw(key));
  if (ms !== undefined && ms >= 10 && ms <= 86_400_000) return ms;
  reader.issue(key, 'is no time between 10 ms and a day', 'Write for example 500ms or 10s.');
  return absentMs;
}
