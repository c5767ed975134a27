import type { Device } from '#protocol/device.js';
import type { LineLoad } from '#protocol/mapper-port.js';
import { isLine } from './bus-settings.js';
import { readSettings } from './config.js';

/** By the plan of `edgetwin mapper plan`, which is loaded for devices on a line only. */
export async function lineLoad(device: Device): Promise<LineLoad | undefined> {
  const { settings } = readSettings(device);
  if (settings === undefined || !isLine(settings.bus.transport)) return undefined;
  const { planBuses } = await import('../tools/plan.js');
  const [plan] = planBuses([device]);
  return plan === undefined ? undefined : { line: plan.bus, share: plan.load };
}
