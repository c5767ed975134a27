import type { DeviceId } from '#protocol/device.js';
import type { Draft } from '../store/node-rows.js';
import { renumberDesired } from './desired-values.js';
import { NOTHING, count } from './judgement.js';
import type { DownlinkNews, Effect, Judgement } from './judgement.js';

/** Section 4.9: the desired values of these devices go again, under new numbers. */
export function withRepairs(
  draft: Draft,
  hubBoot: string,
  judged: { readonly effects: readonly Effect[]; readonly downlink: readonly DownlinkNews[] },
  devices: readonly DeviceId[],
): Judgement {
  const effects: Effect[] = [];
  const downlink: DownlinkNews[] = [];
  for (const device of devices) {
    for (const property of renumberDesired(draft, hubBoot, device)) {
      effects.push({ kind: 'desired', device, property });
      downlink.push({ kind: 'changed', device, property });
    }
    downlink.push({ kind: 'repaired', device });
  }
  return {
    ...NOTHING,
    effects: [...judged.effects, ...effects, count('repairsMade', devices.length)],
    downlink: [...judged.downlink, ...downlink],
  };
}
