import type { Device } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { ConfigReader } from '../config-reader.js';
import { busIdentity, isSameBus, readBus, TRANSPORTS, type BusSettings } from './bus-settings.js';
import type { ModbusSettings } from './config.js';

/** Line settings that all devices on a bus must have alike, in the order in which they are told. */
const LINE_KEYS = ['baudRate', 'parity', 'dataBits', 'stopBits', 'transport'] as const;
const ADDRESS_KEYS = ['port', 'host', 'tcpPort'] as const;

/** What keeps a device from sharing its bus with one that was read before it. */
export function conflicts(
  device: Device,
  { bus, unit }: ModbusSettings,
  before: readonly Device[],
): readonly DeviceIssue[] {
  const path = ['spec', 'protocol', 'configData'];
  const { protocolName, configData } = device.protocol;
  for (const other of before) {
    if (other.protocol.protocolName !== protocolName) continue;
    const theirs = other.protocol.configData;
    // Only the bus is read, and only where it may be the same: there may be thousands of devices.
    if (ADDRESS_KEYS.some((key) => configData[key] !== theirs[key])) continue;
    const reader = new ConfigReader(theirs, path);
    const transport = reader.choice('transport', TRANSPORTS);
    const shared = transport === undefined ? undefined : readBus(reader, transport);
    if (shared === undefined || busIdentity(shared) !== busIdentity(bus)) continue;
    if (!isSameBus(shared, bus)) return [lineConflict(bus, shared, other.id)];
    if (reader.integer('unitId', 0, 255, 1) !== unit || other.model !== device.model) continue;
    const message = `unitId is ${unit}, as that of ${other.id} on the same bus`;
    const hint = 'Each device of a bus has a unit of its own; edgetwin mapper scan finds them.';
    return [{ path: [...path, 'unitId'], message, hint }];
  }
  return [];
}

function lineConflict(ours: BusSettings, theirs: BusSettings, other: string): DeviceIssue {
  const valueOf = (bus: BusSettings, key: string): string =>
    String(new Map(Object.entries(bus)).get(key));
  const key = LINE_KEYS.find((one) => valueOf(ours, one) !== valueOf(theirs, one)) ?? 'transport';
  // Where the bus is said: the setting itself may stand in a template.
  const place = 'port' in ours ? 'port' : 'host';
  const [mine, its] = [valueOf(ours, key), valueOf(theirs, key)];
  return {
    path: ['spec', 'protocol', 'configData', place],
    message: `${place} is the bus of ${other}, which has ${key} ${its}, not ${mine}`,
    hint: 'All devices of a bus talk at one speed and in one format: set them alike at the devices, and here.',
  };
}
