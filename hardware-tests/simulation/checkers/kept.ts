import type { DeviceId } from '#protocol/device.js';
import {
  compareVersions,
  equalValues,
  formatVersion,
  NO_VERSION,
  sameVersion,
} from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { isUnsent } from '#runtime/devicetwin/twin-rows.js';
import { Gateway } from '../gateway.js';
import type { GatewayProgram } from '../gateway.js';
import { isSince } from '../plant.js';
import type { Station } from '../station.js';
import type { Breach, Checker, Checks } from './checker.js';
import { HubRows, propertiesOf } from './rows.js';
import type { PropertyName } from './rows.js';

interface Promises {
  /** Timestamp of the newest reading of each property that its gateway acknowledged. */
  readonly acknowledged: Map<string, number>;
  /** What the hub was told to be stored on the gateway, by property and life of the device. */
  readonly stored: Map<string, Version>;
  /** Since the last restore the hub has not told this gateway what it has. */
  mayBeBehind: boolean;
  /** The session of the hub's life before its restore. */
  endedEpoch: number;
  /** Transactions of the store when it was looked at last. */
  commits: number;
}

/**
 * P1: an acknowledged reading, or a newer one, is never lost, at either end. I2: what a gateway
 * said to have stored is there when it comes back. I4: what is not unsent is at the hub, durable,
 * in this version or a newer one. I11: the gateway holds no number that its hub has not given.
 */
export class Kept implements Checker {
  readonly #checks: Checks;
  readonly #promises = new Map<Gateway, Promises>();

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  acknowledged(gateway: Gateway, device: DeviceId, property: string, timestamp: number): void {
    this.#checks.count('acknowledged');
    this.#of(gateway).acknowledged.set(`${device}/${property}`, timestamp);
  }

  gatewayStarted(gateway: Gateway, { meta }: GatewayProgram): void {
    const promises = this.#of(gateway);
    promises.commits = -1;
    if (this.#checks.world.cloned.has(gateway.node)) return;
    for (const name of propertiesOf(gateway.devices)) {
      const stored =
        promises.stored.get(lifeKey(name, meta.get('devices', name.device)?.incarnation)) ??
        NO_VERSION;
      const { version } = meta.get('desired', name.key) ?? { version: NO_VERSION };
      this.#checks.expect(compareVersions(version, stored) >= 0, 'I2 stored, then lost', name.key, {
        stored,
        version,
      });
    }
  }

  hubStarted(): void {
    for (const gateway of this.#checks.world.gateways) {
      this.#of(gateway).commits = -1;
      this.#look(gateway);
    }
  }

  turned(touched: ReadonlySet<Station<object>>): void {
    for (const station of touched) if (station instanceof Gateway) this.#look(station);
  }

  forget(gateway: Gateway, device?: DeviceId): void {
    const { acknowledged, stored, ...promises } = this.#of(gateway);
    if (device === undefined) {
      this.#promises.set(gateway, {
        ...promises,
        acknowledged: new Map(),
        stored: new Map(),
        mayBeBehind: true,
        endedEpoch: 0,
      });
      return;
    }
    for (const keys of [acknowledged, stored])
      for (const key of [...keys.keys()]) if (key.startsWith(`${device}/`)) keys.delete(key);
  }

  forgetHub(): void {
    for (const gateway of this.#promises.keys()) {
      this.forget(gateway);
      this.#of(gateway).endedEpoch = gateway.program?.meta.identity().lastEpoch ?? 0;
    }
  }

  disagreement(gateways: readonly Gateway[]): Breach | undefined {
    for (const gateway of gateways) {
      const hub = HubRows.of(this.#checks.world, gateway.node);
      for (const name of propertiesOf(gateway.devices)) {
        const stamp = this.#of(gateway).acknowledged.get(name.key);
        const reported = hub?.reported(name);
        if (stamp !== undefined && !isSince(reported, stamp))
          return {
            name: 'P1 acknowledged reading',
            where: name.key,
            facts: { stamp, reported },
          };
      }
    }
    return undefined;
  }

  #look(gateway: Gateway): void {
    const { program } = gateway;
    if (program === undefined || gateway.isClone) return;
    const promises = this.#of(gateway);
    const { commits } = program.meta.stats();
    const hub = HubRows.of(this.#checks.world, gateway.node);
    const isLive = program.edgeHub.isLive;
    // Of two with one identity either may have numbered and stored what the hub speaks of.
    const isAlone = !this.#checks.world.cloned.has(gateway.node);
    const { lastEpoch } = program.meta.identity();
    // Until READY has arrived the hub speaks of the session before, of a process that is dead.
    const isMet = hub?.rows.get('nodes', gateway.node)?.metEpoch === lastEpoch;
    if (hub !== undefined && isLive && isMet && isAlone) this.#learn(gateway, hub, promises);
    if (commits === promises.commits) return;
    promises.commits = commits;
    if (isLive && isMet && lastEpoch > promises.endedEpoch) promises.mayBeBehind = false;
    for (const name of propertiesOf(gateway.devices)) {
      this.#checkKept(name, program, promises);
      if (hub === undefined || !isAlone || promises.mayBeBehind) continue;
      this.#checkSent(name, program, hub);
      if (isLive && isMet) this.#checkGiven(name, program, hub);
    }
  }

  /** Not what the hub believes of a dead process whose connection still seems to stand. */
  #learn(gateway: Gateway, hub: HubRows, { stored }: Promises): void {
    const machine = this.#checks.world.hub.program?.loop(gateway.node)?.machine;
    for (const name of propertiesOf(gateway.devices)) {
      const version = hub.desired(name)?.version;
      if (version === undefined) continue;
      const key = `${gateway.node}\n${name.device}\n${name.property}`;
      if (machine?.isStored(key, version) !== true) continue;
      const incarnation = hub.device(name.device)?.incarnation;
      stored.set(lifeKey(name, incarnation), version);
      const { meta } = gateway.program ?? {};
      const life = meta?.get('devices', name.device)?.incarnation ?? NO_VERSION;
      if (incarnation === undefined || !sameVersion(life, incarnation)) continue;
      const held = meta?.get('desired', name.key)?.version ?? NO_VERSION;
      this.#checks.expect(
        compareVersions(held, version) >= 0,
        'I2 said to be stored, not there',
        name.key,
        { held, version },
      );
    }
  }

  #checkKept({ key }: PropertyName, { meta }: GatewayProgram, { acknowledged }: Promises): void {
    const stamp = acknowledged.get(key);
    if (stamp === undefined) return;
    this.#checks.count('kept');
    const reported = meta.get('reported', key);
    this.#checks.expect(isSince(reported, stamp), 'P1 lost at the gateway', key, {
      stamp,
      reported,
    });
  }

  #checkSent(name: PropertyName, { meta }: GatewayProgram, hub: HubRows): void {
    const row = meta.get('reported', name.key);
    if (row === undefined || row.stale === true || isUnsent(meta, name.device, name.property))
      return;
    this.#checks.count('sent');
    const held = hub.reported(name);
    const version = { gen: meta.identity().gen, n: row.n };
    const order = held === undefined ? -1 : compareVersions(held.version, version);
    this.#checks.expect(order >= 0, 'I4 not unsent, not at the hub', name.key, { row, held });
    // Nobody else numbers rows of this generation.
    this.#checks.expect(order <= 0, 'I4 not unsent, another life at the hub', name.key, {
      ...{ row, held },
    });
    if (held !== undefined && order === 0)
      this.#checks.expect(
        equalValues(held.value, row.value),
        'I4 same version, other value',
        name.key,
        { row, held },
      );
  }

  /** I11 of the other side. */
  #checkGiven({ key }: PropertyName, { meta }: GatewayProgram, { rows }: HubRows): void {
    const version = meta.get('desired', key)?.version;
    const node = rows.get('nodes', rows.name);
    if (version === undefined || node?.adoptMark !== null) return;
    const newest = { gen: node.hubGen, n: rows.get('numberings', rows.name)?.value ?? 0 };
    const isGiven = compareVersions(version, newest) <= 0 && version.n <= newest.n;
    this.#checks.expect(isGiven, 'I11 the hub has not given this number', key, { version, newest });
  }

  #of(gateway: Gateway): Promises {
    let promises = this.#promises.get(gateway);
    if (promises === undefined) {
      promises = {
        acknowledged: new Map(),
        stored: new Map(),
        mayBeBehind: false,
        endedEpoch: 0,
        commits: -1,
      };
      this.#promises.set(gateway, promises);
    }
    return promises;
  }
}

function lifeKey({ key }: PropertyName, incarnation: Version = NO_VERSION): string {
  return `${key} ${formatVersion(incarnation)}`;
}
