import type { HubPropertyView } from '#cloud/fleet.js';
import { EdgeError } from '#protocol/errors.js';
import {
  compareVersions,
  equalValues,
  formatVersion,
  NO_VERSION,
  sameVersion,
} from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import type { PropertyView } from '#runtime/devicetwin/twin-access.js';
import type { World } from './world.js';

/** Reading every twin costs more than a turn; the hub is checked at each of its changes. */
const GATEWAY_EVERY = 7;

/**
 * What must hold while a World runs (docs/sync-protocol.md section 6), and what must hold
 * when it has come to rest. A breach throws with all that is needed to understand it.
 */
export class Checkers {
  #world: World;
  #hubReported = new Map<string, Version>();
  #hubDesired = new Map<string, Version>();
  /** Timestamp of the newest reading of each property that its gateway acknowledged. */
  #acknowledged = new Map<string, number>();
  #turns = 0;
  readonly seen = { inSync: 0, acknowledged: 0, compared: 0 };

  constructor(world: World) {
    this.#world = world;
    world.check = () => {
      if (++this.#turns % GATEWAY_EVERY === 0) this.checkGateway();
    };
    world.onHub = ({ fleet }) => {
      for (const [key, view] of this.#hubViews()) this.#checkHub(key, view);
      fleet.watch((change) => {
        if (change.kind === 'property')
          this.#checkHub(`${change.device}/${change.property.description.name}`, change.property);
      });
    };
    world.acknowledged = (device, property, timestamp) => {
      this.seen.acknowledged++;
      this.#acknowledged.set(`${device}/${property}`, timestamp);
    };
  }

  /** After a restored backup, or for a device that was removed: older promises are void. */
  forget(prefix = ''): void {
    for (const key of [...this.#acknowledged.keys()])
      if (key.startsWith(prefix)) this.#acknowledged.delete(key);
  }

  checkGateway(): void {
    if (this.#world.gateway === undefined) return;
    const hub = this.#hubViews();
    for (const [key, view] of this.#gatewayViews()) {
      this.#checkKept(key, view);
      if (this.#world.hub !== undefined) this.#checkSent(key, view, hub.get(key));
    }
  }

  /** P2, I15: nothing is under way any more and both ends agree. */
  atRest(): void {
    const hub = this.#hubViews();
    const gateway = this.#gatewayViews();
    const keys = [...gateway.keys()].sort().join();
    this.#expect([...hub.keys()].sort().join() === keys, 'P2 devices', '', {
      hub: [...hub.keys()],
    });
    for (const [key, view] of gateway) {
      const other = hub.get(key);
      const { reported, desired } = view;
      const facts = { gateway: view, hub: other };
      this.#expect(!view.unsent, 'I15 nothing unsent', key, facts);
      this.#expect(view.pendingLocal === undefined, 'I15 no pending local write', key, facts);
      const [up, down] = [other?.reported, other?.desired];
      this.#expect(
        reported?.version === up?.version ||
          (reported !== undefined && up !== undefined && sameVersion(reported.version, up.version)),
        'P2 reported version',
        key,
        facts,
      );
      this.#expect(
        equalValues(reported?.value ?? null, up?.value ?? null),
        'P2 reported',
        key,
        facts,
      );
      this.#expect(
        sameVersion(desired?.version ?? NO_VERSION, down?.version ?? NO_VERSION) &&
          equalValues(desired?.value ?? null, down?.value ?? null),
        'P2 desired',
        key,
        facts,
      );
      this.#expect(down === undefined || other?.storedOnGateway === true, 'stored', key, facts);
      const stamp = this.#acknowledged.get(key) ?? 0;
      this.#expect((up?.timestamp ?? 0) >= stamp, 'P1 acknowledged reading', key, { stamp, up });
      this.seen.compared++;
    }
  }

  #checkHub(key: string, view: HubPropertyView): void {
    const { reported, desired } = view;
    if (reported !== undefined)
      this.#rises('P3 reported', key, reported.version, this.#hubReported);
    if (desired !== undefined) this.#rises('P3 desired', key, desired.version, this.#hubDesired);
    this.#checkInSync(key, view);
  }

  /** I4: what is not unsent is at the hub, durable, in this version or a newer one. */
  #checkSent(key: string, view: PropertyView, other: HubPropertyView | undefined): void {
    const { reported, unsent } = view;
    if (reported === undefined || unsent || reported.reason === 'EDGE_NOT_READ') return;
    const held = other?.reported;
    const order = held === undefined ? -1 : compareVersions(held.version, reported.version);
    this.#expect(order >= 0, 'I4 not unsent, not at the hub', key, { reported, held });
    if (order === 0 && held !== undefined)
      this.#expect(equalValues(held.value, reported.value), 'I4 same version, other value', key, {
        reported,
        held,
      });
  }

  /** P1 at the gateway: an acknowledged reading, or a newer one, is never lost. */
  #checkKept(key: string, { reported }: PropertyView): void {
    const stamp = this.#acknowledged.get(key);
    if (stamp === undefined) return;
    this.#expect((reported?.timestamp ?? 0) >= stamp, 'P1 lost at the gateway', key, {
      stamp,
      reported,
    });
  }

  /** I7: the read started after the write of this very version had ended, and saw its value. */
  #checkInSync(key: string, view: HubPropertyView): void {
    const { reported, desired, state } = view;
    if (state !== 'in-sync' || desired === undefined || reported === undefined) return;
    const witness = this.#world.plant.witnesses.get(reported.timestamp);
    this.seen.inSync++;
    this.#expect(
      witness !== undefined &&
        sameVersion(witness.ended, desired.version) &&
        equalValues(witness.value, desired.value),
      'I7 in-sync is not exact',
      key,
      { view, witness },
    );
  }

  #rises(name: string, key: string, version: Version, seen: Map<string, Version>): void {
    const before = seen.get(key) ?? NO_VERSION;
    this.#expect(compareVersions(version, before) >= 0, `${name} went down`, key, {
      before: formatVersion(before),
      now: formatVersion(version),
    });
    seen.set(key, version);
  }

  #hubViews(): Map<string, HubPropertyView> {
    const views = new Map<string, HubPropertyView>();
    for (const { description, properties } of this.#world.hub?.fleet.devices() ?? [])
      for (const view of properties) views.set(`${description.id}/${view.description.name}`, view);
    return views;
  }

  #gatewayViews(): Map<string, PropertyView> {
    const views = new Map<string, PropertyView>();
    for (const { device, properties } of this.#world.gateway?.twins.devices() ?? [])
      for (const view of properties) views.set(`${device.id}/${view.property.name}`, view);
    return views;
  }

  #expect(holds: boolean, name: string, key: string, facts: object): void {
    if (holds) return;
    const at = this.#world.clock.now();
    throw new EdgeError('EDGE_INTERNAL', `${name}: ${key} at ${at} ms ${JSON.stringify(facts)}`);
  }
}
