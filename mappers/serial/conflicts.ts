import type { Device } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { ConfigReader } from '../config-reader.js';
import { readLine, readSettings, type LineSettings, type SensorSettings } from './settings.js';

const PATH = ['spec', 'protocol', 'configData'];
const ADDRESS_KEYS = ['port', 'host', 'tcpPort'] as const;
/** What all sensors of a port must have alike, in the order in which it is told. */
const LINE_KEYS = ['baudRate', 'dataBits', 'parity', 'stopBits'] as const;
/** Places by which a frame says whose it is; a byte or a column is in any frame. */
const TELLING = ['pattern', 'json', 'sentence', 'obis'] as const;

/** What keeps a sensor from sharing its line with one that was read before it. */
export async function conflicts(
  device: Device,
  settings: SensorSettings,
  before: readonly Device[],
): Promise<readonly DeviceIssue[]> {
  const { protocolName, configData } = device.protocol;
  for (const other of before) {
    const theirs = other.protocol.configData;
    if (other.protocol.protocolName !== protocolName) continue;
    if (ADDRESS_KEYS.some((key) => configData[key] !== theirs[key])) continue;
    const line = readLine(new ConfigReader(theirs, PATH));
    const found =
      (line && lineConflict(settings.line, line, other.id)) ??
      (await soundConflict(device, settings, other));
    if (found === undefined) continue;
    const [message, hint] = found;
    const key = settings.line.kind === 'port' ? 'port' : 'host';
    return [{ path: [...PATH, key], message: `${key} is the line of ${message}`, hint }];
  }
  return [];
}

type Conflict = readonly [message: string, hint: string];

function lineConflict(
  ours: LineSettings,
  theirs: LineSettings,
  other: string,
): Conflict | undefined {
  if (ours.kind !== 'port' || theirs.kind !== 'port') return undefined;
  const key = LINE_KEYS.find((one) => theirs[one] !== ours[one]);
  if (key === undefined) return undefined;
  return [
    `${other}, which has ${key} ${theirs[key]}, not ${ours[key]}`,
    'All sensors of a port talk at one speed and in one format: write the same baudRate and format for them, or give each a port of its own.',
  ];
}

/** Every sensor hears the whole line: it must know its own frames from those of the others. */
async function soundConflict(
  device: Device,
  ours: SensorSettings,
  other: Device,
): Promise<Conflict | undefined> {
  const { settings: theirs } = await readSettings(other);
  if (theirs === undefined) return undefined;
  const asked = theirs.request !== undefined && same(theirs.request, ours.request ?? []);
  if (asked)
    return [
      `${other.id}, which is asked with the same request`,
      'Both would answer at once: give each a port of its own, or a request that only it answers.',
    ];
  if (theirs.framing.marks !== ours.framing.marks || theirs.checksum?.kind !== ours.checksum?.kind)
    return undefined;
  const isHeardByBoth = placesOf(device, ours).some((mine) =>
    placesOf(other, theirs).some(
      (its) =>
        TELLING.every((key) => mine.data[key] === its.data[key]) &&
        (mine.from ?? its.from) === (its.from ?? mine.from) &&
        mine.startsWith.every((byte, index) => byte === (its.startsWith[index] ?? byte)),
    ),
  );
  if (!isHeardByBoth) return undefined;
  return [
    `${other.id}, whose frames cannot be told from these`,
    'Give each sensor a port of its own, or say with startsWith what only its own frames begin with.',
  ];
}

function placesOf({ properties }: Device, { visitors }: SensorSettings) {
  return properties.flatMap(({ name, visitor }) => {
    const found = visitors.get(name);
    if (visitor === undefined || found === undefined) return [];
    const { place, startsWith } = found;
    const from = place.kind === 'record' ? place.from : undefined;
    return [{ data: visitor.configData, startsWith, from }];
  });
}

function same(a: Uint8Array, b: ArrayLike<number>): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
