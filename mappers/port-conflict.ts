import type { Device } from '#protocol/device.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';

/** Protocols whose mappers open serial ports. */
const ON_PORTS: readonly string[] = ['modbus', 'serial'];

/** A device of another protocol on the same port: each of the two would take the other's bytes. */
export function portConflict(device: Device, before: readonly Device[]): readonly DeviceIssue[] {
  const port = portOf(device);
  const other = before.find(
    ({ protocol, ...rest }) =>
      protocol.protocolName !== device.protocol.protocolName &&
      port !== undefined &&
      portOf({ protocol, ...rest }) === port,
  );
  if (other === undefined) return [];
  const { protocolName } = other.protocol;
  return [
    {
      path: ['spec', 'protocol', 'configData', 'port'],
      message: `port is that of ${other.id}, which speaks ${protocolName}`,
      hint: 'A serial port speaks one protocol: give each a port of its own, best by /dev/serial/by-id.',
    },
  ];
}

function portOf({ protocol: { protocolName, configData } }: Device): string | undefined {
  const { port } = configData;
  if (!ON_PORTS.includes(protocolName) || 'host' in configData) return undefined;
  return typeof port === 'string' ? port.replace(/\/{2,}/g, '/') : undefined;
}
