import type { Device } from '#protocol/device.js';
import type { LineLoad } from '#protocol/mapper-port.js';
import { isLine, TRANSPORTS } from './bus-settings.js';

/** By the plan of `edgetwin mapper plan`, which is loaded for devices on a line only. */
export async function lineLoad(device: Device): Promise<LineLoad | undefined> {
  const { transport: said } = device.protocol.configData;
  const transport = TRANSPORTS.find((one) => one === said);
  if (transport === undefined || !isLine(transport)) return undefined;
  const { planBuses } = await import('../tools/plan.js');
  const [plan] = planBuses([device]);
  return plan === undefined ? undefined : { line: plan.bus, share: plan.load };
}
