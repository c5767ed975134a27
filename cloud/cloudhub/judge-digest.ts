import type { DeviceId } from '#protocol/device.js';
import { digestRows } from '#protocol/digest.js';
import type { Digest } from '#protocol/sync-message.js';
import { sameVersion } from '#protocol/twin.js';
import type { Desired, Reported, Version } from '#protocol/twin.js';
import { HUB_LIMITS } from '../limits.js';
import { liveDevice } from '../store/node-rows.js';
import type { LiveDevice, Rows } from '../store/node-rows.js';
import { deviceKey, propertyKey } from '../store/tables.js';
import type { Authorizer } from './authorizer.js';
import { count, send } from './judgement.js';
import type { DownlinkNews, Effect, OpenSession } from './judgement.js';

export interface DigestJudgement {
  readonly effects: Effect[];
  readonly downlink: DownlinkNews[];
}

/**
 * Section 4.9. The gateway digests a device only when the hub acknowledged all its rows, so the
 * halves can be judged device by device: the reported half only if the hub holds no number of
 * that device above the stamp (it would have arrived after the digest was made), otherwise this
 * round is skipped. A difference is asked for again, under new numbers.
 */
export function judgeDigest(
  rows: Rows,
  node: string,
  session: OpenSession,
  message: Digest,
  authorizer: Authorizer,
): DigestJudgement {
  const differing: DeviceId[] = [];
  const downlink: DownlinkNews[] = [];
  let foreign = 0;
  for (const digest of message.devices) {
    const live = liveDevice(rows, node, digest.device);
    if (authorizer.isForeign(digest.device)) foreign++;
    else if (live === undefined || !sameVersion(live.incarnation, digest.incarnation)) {
      // Unknown here, ended, or in another life: its announcement and its rows must come again.
      const known = rows.get('devices', deviceKey(node, digest.device));
      if (isJudged(session, message.state, known === undefined ? [] : [known]))
        differing.push(digest.device);
    } else {
      const held = heldRows(rows, node, live);
      if (
        isJudged(session, message.state, [live, ...held.reported]) &&
        held.reportedDigest !== digest.reported
      )
        differing.push(digest.device);
      const equal = held.desiredDigest === digest.desired;
      downlink.push({ kind: 'compared', device: digest.device, equal });
    }
  }
  return {
    effects: [
      count('foreignRows', foreign),
      count('repairsAsked', differing.length),
      ...resends(session, differing),
    ],
    downlink,
  };
}

/** True when the gateway's counter fell below what HELLO settled: the numbers have diverged. */
export function isDiverged(session: OpenSession, message: Digest): boolean {
  return message.state < session.known;
}

interface Held {
  readonly reported: readonly Reported[];
  readonly reportedDigest: string;
  readonly desiredDigest: string;
}

function heldRows(rows: Rows, node: string, { description }: LiveDevice): Held {
  const reported: (Reported & { property: string })[] = [];
  const desired: (Desired & { property: string })[] = [];
  for (const { name } of description.properties) {
    const key = propertyKey(node, description.id, name);
    const [up, down] = [rows.get('reported', key), rows.get('desired', key)];
    if (up !== undefined) reported.push({ property: name, ...up });
    if (down !== undefined) desired.push({ property: name, ...down });
  }
  return {
    reported,
    reportedDigest: digestRows(reported),
    desiredDigest: digestRows(desired),
  };
}

/** Nothing the hub holds of the device came after the digest was made. */
function isJudged(
  session: OpenSession,
  state: number,
  held: readonly { readonly version: Version }[],
): boolean {
  return held.every(({ version }) => version.gen < session.gen || version.n <= state);
}

function resends(session: OpenSession, devices: readonly DeviceId[]): Effect[] {
  const messages: Effect[] = [];
  for (let at = 0; at < devices.length; at += HUB_LIMITS.resendDevices) {
    const some = devices.slice(at, at + HUB_LIMITS.resendDevices);
    messages.push(send(session.id, { kind: 'resend', epoch: session.epoch, devices: some }));
  }
  return messages;
}
