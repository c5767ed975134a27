import type { Device } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { ConfigReader } from '../config-reader.js';
import { readLine, type LineSettings } from './settings.js';

const PATH = ['spec', 'protocol', 'configData'];
/** What all sensors of a port must have alike, in the order in which it is told. */
const LINE_KEYS = ['baudRate', 'dataBits', 'parity', 'stopBits'] as const;

/** What keeps a sensor from sharing its port with one that was read before it. */
export function conflicts(
  line: LineSettings,
  before: readonly Device[],
  protocolName: string,
): readonly DeviceIssue[] {
  if (line.kind !== 'port') return [];
  for (const { id, protocol } of before) {
    const { configData } = protocol;
    if (protocol.protocolName !== protocolName || configData['port'] !== line.port) continue;
    const theirs = readLine(new ConfigReader(configData, PATH));
    if (theirs?.kind !== 'port') continue;
    const key = LINE_KEYS.find((one) => theirs[one] !== line[one]);
    if (key === undefined) continue;
    return [
      {
        path: [...PATH, 'port'],
        message: `port is the line of ${id}, which has ${key} ${theirs[key]}, not ${line[key]}`,
        hint: 'All sensors of a port talk at one speed and in one format: write the same baudRate and format for them, or give each a port of its own.',
      },
    ];
  }
  return [];
}
