import type { DeviceId } from '#protocol/device.js';
import { compareVersions, equalValues, formatVersion } from '#protocol/twin.js';
import type { Desired, Value, Version } from '#protocol/twin.js';
import { Gateway } from '../gateway.js';
import type { HubProgram } from '../hub.js';
import type { Station } from '../station.js';
import type { Breach, Checker, Checks } from './checker.js';
import { HubRows, propertiesOf } from './rows.js';

/**
 * P8 for a restored hub: what only a gateway still holds is taken over, unless somebody has written
 * since; and what was written since is not replaced by what a gateway holds.
 */
export class Adopted implements Checker {
  readonly #checks: Checks;
  /** Gateways that the restored hub has not heard out yet, and the epoch they had. */
  readonly #open = new Map<Gateway, number>();
  /** What gateways hold, newer than what the hub remembers. */
  readonly #held = new Map<string, Desired>();
  /** What the hub remembered of each property when it came back. */
  readonly #remembered = new Map<string, Version>();
  /** Somebody else has written since. */
  readonly #overruled = new Set<string>();
  readonly #lives = new Map<DeviceId, string>();
  readonly #since = new Map<string, Value>();
  /** Restored themselves at some time: what they hold may be of any age. */
  readonly #doubtful = new Set<Gateway>();
  #wentBack = false;

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  forgetHub(): void {
    this.#wentBack = true;
    for (const keys of [this.#held, this.#remembered, this.#overruled, this.#since, this.#lives])
      keys.clear();
    for (const gateway of this.#checks.world.gateways)
      this.#open.set(gateway, gateway.program?.meta.identity().lastEpoch ?? 0);
  }

  forget(gateway: Gateway, device?: DeviceId): void {
    if (device === undefined) this.#doubtful.add(gateway);
    else this.#end(device);
  }

  wished(key: string): void {
    this.#overruled.add(key);
  }

  promised(key: string, _version: Version, value: Value): void {
    if (this.#wentBack) this.#since.set(key, value);
  }

  hubStarted({ fleet }: HubProgram): void {
    for (const { description, incarnation } of fleet.devices())
      this.#live(description.id, incarnation);
    for (const gateway of this.#open.keys()) {
      const hub = HubRows.of(this.#checks.world, gateway.node);
      for (const name of propertiesOf(gateway.plant.devices)) {
        const version = hub?.desired(name)?.version;
        if (version !== undefined && !this.#remembered.has(name.key))
          this.#remembered.set(name.key, version);
      }
    }
    fleet.watch((change) => {
      if (change.kind === 'device-removed') this.#end(change.device);
      if (change.kind === 'device')
        this.#live(change.device.description.id, change.device.incarnation);
      if (change.kind === 'property')
        this.#look(change.node, change.device, change.property.description.name);
    });
  }

  turned(touched: ReadonlySet<Station<object>>): void {
    if (!this.#wentBack) return;
    for (const station of touched)
      if (station instanceof Gateway)
        for (const key of station.program?.meta.rows('locals').keys() ?? [])
          this.#overruled.add(key);
    for (const [gateway, endedEpoch] of this.#open) this.#listen(gateway, endedEpoch);
  }

  disagreement(gateways: readonly Gateway[]): Breach | undefined {
    for (const gateway of gateways) {
      if (this.#doubtful.has(gateway) || this.#checks.world.cloned.has(gateway.node)) continue;
      const hub = HubRows.of(this.#checks.world, gateway.node);
      for (const name of propertiesOf(gateway.devices)) {
        const held = this.#held.get(name.key);
        if (held === undefined || this.#overruled.has(name.key)) continue;
        this.#checks.count('adopted');
        const desired = hub?.desired(name);
        if (desired === undefined || !equalValues(desired.value, held.value))
          return { name: 'P8 not adopted', where: name.key, facts: { held, desired } };
      }
    }
    return undefined;
  }

  /** What it holds until the hub has heard all of it; a crash may take some of that back. */
  #listen(gateway: Gateway, endedEpoch: number): void {
    const { program, node } = gateway;
    if (program === undefined) return;
    const { meta, edgeHub } = program;
    const { lastEpoch } = meta.identity();
    const row = HubRows.of(this.#checks.world, node)?.rows.get('nodes', node);
    const isMet = edgeHub.isLive && lastEpoch > endedEpoch && row?.metEpoch === lastEpoch;
    for (const { key } of propertiesOf(gateway.plant.devices)) {
      const desired = meta.get('desired', key);
      const remembered = this.#remembered.get(key);
      const isNews =
        desired !== undefined &&
        (remembered === undefined || compareVersions(desired.version, remembered) > 0);
      if (isNews) this.#held.set(key, desired);
      else this.#held.delete(key);
    }
    if (isMet && row.adoptMark === null) this.#open.delete(gateway);
  }

  #look(node: string, device: DeviceId, property: string): void {
    const key = `${device}/${property}`;
    const since = this.#since.get(key);
    if (since === undefined) return;
    const record = HubRows.of(this.#checks.world, node)?.desired({ device, property, key });
    if (record?.actor.startsWith('adopted:') !== true) return;
    this.#checks.count('adoptedSince');
    this.#checks.expect(equalValues(record.value, since), 'P8 adopted over a newer value', key, {
      since,
      record: { ...record, version: formatVersion(record.version) },
    });
  }

  #live(device: DeviceId, incarnation: Version): void {
    const life = formatVersion(incarnation);
    const before = this.#lives.get(device);
    this.#lives.set(device, life);
    if (before !== undefined && before !== life) this.#end(device);
  }

  #end(device: DeviceId): void {
    for (const keys of [this.#held, this.#since])
      for (const key of [...keys.keys()]) if (key.startsWith(`${device}/`)) keys.delete(key);
    for (const { key } of propertiesOf(this.#checks.world.gateways.flatMap((g) => g.plant.devices)))
      if (key.startsWith(`${device}/`)) this.#overruled.add(key);
  }
}
