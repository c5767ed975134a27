import { realpath } from 'node:fs/promises';
import type { Device } from '#protocol/device.js';

/**
 * The device as its mapper judges it beside others: with the device file that its port leads to,
 * for `/dev/serial/by-id/...` and `/dev/ttyUSB0` may be one port. One that is not on this machine
 * keeps its name.
 */
export async function withoutPortLink(device: Device): Promise<Device> {
  const { port: written } = device.protocol.configData;
  if (typeof written !== 'string' || !written.startsWith('/')) return device;
  const port = await realpath(written).catch(() => written);
  if (port === written) return device;
  const configData = { ...device.protocol.configData, port };
  return { ...device, protocol: { ...device.protocol, configData } };
}
