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
  /** What the hub believed to be stored on the gateway, by property and life of the device. */
  #stored = new Map<string, Version>();
  #turns = 0;
  #restored = false;
  #broken: EdgeError | undefined;
  readonly seen = { inSync: 0, acknowledged: 0, compared: 0 };

  constructor(world: World) {
    this.#world = world;
    world.check = () => {
      if (this.#broken !== undefined) throw this.#broken;
      if (++this.#turns % GATEWAY_EVERY === 0) this.checkGateway();
    };
    world.onHub = ({ fleet }) => {
      for (const [key, view] of this.#hubViews()) this.#checkHub(key, view);
      fleet.watch((change) => {
        if (change.kind === 'property')
          this.#checkHub(`${change.device}/${change.property.description.name}`, change.property);
      });
    };
    world.onGateway = () => this.#checkStored();
    world.acknowledged = (device, property, timestamp) => {
      this.seen.acknowledged++;
      this.#acknowledged.set(`${device}/${property}`, timestamp);
    };
  }

  /** After a restored backup, or for a device that was removed: older promises are void. */
  forget(prefix = ''): void {
    if (prefix === '') this.#restored = true;
    for (const promises of [this.#acknowledged, this.#stored])
      for (const key of [...promises.keys()]) if (key.startsWith(prefix)) promises.delete(key);
  }

  checkGateway(): void {
    if (this.#world.gateway === undefined) return;
    const hub = this.#hubViews();
    // Not what the hub believes of a dead process whose connection still seems to stand.
    const isConnected = this.#world.gateway.edgeHub.status().connected;
    for (const [key, { desired, storedOnGateway, life }] of hub)
      if (isConnected && desired !== undefined && storedOnGateway)
        this.#stored.set(`${key} ${life}`, desired.version);
    for (const [key, view] of this.#gatewayViews()) {
      this.#checkKept(key, view);
      if (this.#mayCompare()) this.#checkSent(key, view, hub.get(key));
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
      this.#checkWritten(key, view);
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

  /** I2: what a gateway said to have stored is there when it comes back. */
  #checkStored(): void {
    for (const [key, { desired, life }] of this.#gatewayViews()) {
      const stored = this.#stored.get(`${key} ${life}`) ?? NO_VERSION;
      const kept = compareVersions(desired?.version ?? NO_VERSION, stored) >= 0;
      this.#expect(kept, 'I2 stored, then lost', key, { stored, desired });
    }
  }

  /** What is desired was written, unless the device refused it or somebody turned a knob since. */
  #checkWritten(key: string, { desired, applied }: PropertyView): void {
    if (desired === undefined) return;
    const register = this.#world.plant.register(key);
    this.#expect(sameVersion(applied, desired.version), 'desired is not applied', key, {
      applied,
      desired,
    });
    const isWritten = register.drifted || desired.value === -1 || register.value === desired.value;
    this.#expect(isWritten, 'applied is not at the device', key, { register, desired });
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

  /** A restored backup does not know what happened since, before a WELCOME has told it. */
  #mayCompare(): boolean {
    if (this.#world.hub === undefined) return false;
    return !this.#restored || this.#world.gateway?.edgeHub.status().connected === true;
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

  #hubViews(): Map<string, HubPropertyView & Life> {
    const views = new Map<string, HubPropertyView & Life>();
    for (const { description, incarnation, properties } of this.#world.hub?.fleet.devices() ?? []) {
      const life = formatVersion(incarnation);
      for (const view of properties)
        views.set(`${description.id}/${view.description.name}`, { ...view, life });
    }
    return views;
  }

  #gatewayViews(): Map<string, PropertyView & Life> {
    const views = new Map<string, PropertyView & Life>();
    for (const { device, incarnation, properties } of this.#world.gateway?.twins.devices() ?? []) {
      const life = formatVersion(incarnation);
      for (const view of properties)
        views.set(`${device.id}/${view.property.name}`, { ...view, life });
    }
    return views;
  }

  #expect(holds: boolean, name: string, key: string, facts: object): void {
    if (holds) return;
    const at = Math.round(this.#world.clock.now());
    const text = `${name}: ${key} at ${at} ms ${JSON.stringify(facts)}`;
    // Kept, because a listener's error may stay with the one it listens to.
    this.#broken ??= new EdgeError('EDGE_INTERNAL', text);
    throw this.#broken;
  }
}

/** The incarnation of the device that a property belongs to. */
interface Life {
  readonly life: string;
}
