import type { Device, DeviceId } from '#protocol/device.js';
import type { Desired, Reported } from '#protocol/twin.js';
import type { PropertyView, TwinChange } from './twin-access.js';
import type { Transition } from './twin-event.js';

export interface ChangeContext {
  device(id: DeviceId): Device | undefined;
  view(device: DeviceId, property: string): PropertyView | undefined;
  readonly source: 'hub' | 'local';
  readonly eventId?: string | undefined;
}

/** What listeners are told of a transition: membership first, then one change per device and kind. */
export function changesOf(transition: Transition, context: ChangeContext): TwinChange[] {
  const { source, eventId } = context;
  const caused = eventId === undefined ? {} : { eventId };
  const changes: TwinChange[] = [];
  const { added, removed } = transition;
  if (added.length > 0 || removed.length > 0) {
    const devices = added.flatMap((id) => context.device(id) ?? []);
    changes.push({ kind: 'membership', added: devices, removed });
  }
  const reported = new Map<DeviceId, { before?: Reported; view: PropertyView }[]>();
  const desired = new Map<DeviceId, { before?: Desired; view: PropertyView }[]>();
  for (const touched of transition.touched) {
    const view = context.view(touched.device, touched.property);
    if (view === undefined) continue;
    if (touched.kind === 'reported') {
      const { before } = touched;
      listOf(reported, touched.device).push(before === undefined ? { view } : { before, view });
    } else {
      const { before } = touched;
      listOf(desired, touched.device).push(before === undefined ? { view } : { before, view });
    }
  }
  for (const [device, list] of reported)
    changes.push({ kind: 'reported', device, changes: list, ...caused });
  for (const [device, list] of desired)
    changes.push({ kind: 'desired', device, changes: list, source, ...caused });
  return changes;
}

function listOf<T>(lists: Map<DeviceId, T[]>, device: DeviceId): T[] {
  const list = lists.get(device) ?? [];
  lists.set(device, list);
  return list;
}
