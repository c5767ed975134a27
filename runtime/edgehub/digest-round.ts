import type { DeviceId } from '#protocol/device.js';
import type { Digest, Resend } from '#protocol/sync-message.js';
import { sameVersion } from '#protocol/twin.js';
import type { DigestSnapshot } from '../devicetwin/device-twin.js';
import { GATEWAY_LIMITS } from '../limits.js';

/**
 * Digests of everything that may be compared, as messages. `state` stamps them with what the hub
 * acknowledged: it judges only if it holds nothing newer (docs/sync-protocol.md section 4.9).
 */
export function digestMessages(epoch: number, state: number, snapshot: DigestSnapshot): Digest[] {
  const { digests, maxDesired } = snapshot;
  const messages: Digest[] = [];
  for (const devices of slices(digests))
    messages.push({ kind: 'digest', epoch, state, desired: maxDesired, devices });
  return messages;
}

/**
 * Which devices differ from the hub's digest: `reported` is ours to send anew, `desired` the
 * hub's. Only where both ends speak of the same numbers; otherwise this round is skipped.
 */
export function differing(
  theirs: Digest,
  state: number,
  ours: DigestSnapshot,
): { readonly reported: readonly DeviceId[]; readonly desired: readonly DeviceId[] } {
  const mine = new Map(ours.digests.map((digest) => [digest.device, digest]));
  const pairs = theirs.devices.flatMap((their) => {
    const own = mine.get(their.device);
    if (own === undefined || !sameVersion(own.incarnation, their.incarnation)) return [];
    return [{ own, their }];
  });
  const reported = pairs.filter(
    ({ own, their }) => theirs.state === state && own.reported !== their.reported,
  );
  const desired = pairs.filter(
    ({ own, their }) => theirs.desired === ours.maxDesired && own.desired !== their.desired,
  );
  return {
    reported: reported.map(({ own }) => own.device),
    desired: desired.map(({ own }) => own.device),
  };
}

export function resendMessages(epoch: number, devices: readonly DeviceId[]): Resend[] {
  return slices(devices).map((some) => ({ kind: 'resend', epoch, devices: some }));
}

function slices<T>(items: readonly T[]): T[][] {
  const { devicesPerMessage } = GATEWAY_LIMITS;
  const count = Math.ceil(items.length / devicesPerMessage);
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * devicesPerMessage, (index + 1) * devicesPerMessage),
  );
}
