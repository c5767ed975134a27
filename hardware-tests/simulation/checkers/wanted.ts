import type { DeviceId } from '#protocol/device.js';
import { compareVersions, formatVersion, NO_VERSION } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import type { Gateway } from '../gateway.js';
import type { HubProgram } from '../hub.js';
import type { Breach, Checker, Checks } from './checker.js';
import { HubRows, propertiesOf } from './rows.js';
import type { PropertyName } from './rows.js';

/**
 * P1 at the hub: a desired value that the API has accepted, or a newer one, is never lost but with
 * the life of its device; and a device only begins another life when somebody ended the last one.
 */
export class Wanted implements Checker {
  readonly #checks: Checks;
  readonly #promises = new Map<string, Version>();
  readonly #lives = new Map<DeviceId, string>();
  /** Devices that were removed at some time, or whose gateway got a new card. */
  readonly #mortal = new Set<DeviceId>();

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  promised(key: string, version: Version): void {
    this.#checks.count('wanted');
    this.#promises.set(key, version);
  }

  hubStarted({ fleet }: HubProgram): void {
    for (const { description, incarnation } of fleet.devices())
      this.#live(description.id, incarnation);
    for (const gateway of this.#checks.world.gateways)
      for (const name of propertiesOf(gateway.plant.devices)) {
        if (fleet.device(name.device) === undefined) this.#end(name.device);
        const breach = this.#lost(gateway, name);
        if (breach !== undefined) this.#checks.expect(false, breach.name, name.key, breach.facts);
      }
    fleet.watch((change) => {
      if (change.kind === 'device-removed') this.#end(change.device);
      if (change.kind === 'device')
        this.#live(change.device.description.id, change.device.incarnation);
    });
  }

  forget(_gateway: Gateway, device?: DeviceId): void {
    if (device !== undefined) this.#mortal.add(device);
  }

  /** From an empty card devices begin anew. */
  emptied({ plant }: Gateway): void {
    for (const { id } of plant.devices) this.#mortal.add(id);
  }

  forgetHub(): void {
    this.#promises.clear();
    this.#lives.clear();
  }

  disagreement(gateways: readonly Gateway[]): Breach | undefined {
    for (const gateway of gateways)
      for (const name of propertiesOf(gateway.devices)) {
        const breach = this.#lost(gateway, name);
        if (breach !== undefined) return breach;
      }
    return undefined;
  }

  #live(device: DeviceId, incarnation: Version): void {
    const life = formatVersion(incarnation);
    const before = this.#lives.get(device);
    if (before === life) return;
    this.#lives.set(device, life);
    if (before !== undefined) this.#end(device, { before, life });
  }

  #end(device: DeviceId, facts: object = {}): void {
    const isMortal =
      this.#mortal.has(device) ||
      !this.#lives.has(device) ||
      this.#isCloned(device) ||
      this.#isOfHub(device);
    this.#checks.expect(isMortal, 'I8 a life that nobody ended', device, facts);
    for (const key of [...this.#promises.keys()])
      if (key.startsWith(`${device}/`)) this.#promises.delete(key);
  }

  /** People create and end these at the hub. */
  #isOfHub(device: DeviceId): boolean {
    const { gateways } = this.#checks.world;
    return !gateways.some(({ plant }) => plant.devices.some(({ id }) => id === device));
  }

  #isCloned(device: DeviceId): boolean {
    const { gateways, cloned } = this.#checks.world;
    return gateways.some(
      ({ node, plant }) => cloned.has(node) && plant.devices.some(({ id }) => id === device),
    );
  }

  #lost(gateway: Gateway, name: PropertyName): Breach | undefined {
    const promised = this.#promises.get(name.key);
    if (promised === undefined) return undefined;
    const hub = HubRows.of(this.#checks.world, gateway.node);
    const held = hub?.desired(name)?.version ?? NO_VERSION;
    if (compareVersions(held, promised) >= 0) return undefined;
    const facts = { promised: formatVersion(promised), held: formatVersion(held) };
    return { name: 'P1 a desired value that was accepted', where: name.key, facts };
  }
}
