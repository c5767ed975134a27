import type { DeviceId } from '#protocol/device.js';
import { compareVersions, formatVersion, NO_VERSION } from '#protocol/twin.js';
import type { Reported, Version } from '#protocol/twin.js';
import type { Gateway } from '../gateway.js';
import type { HubProgram } from '../hub.js';
import type { Checker, Checks } from './checker.js';
import { HubRows, propertiesOf } from './rows.js';

/**
 * P3, I3: no observer of the hub ever sees the version of a property go down, and neither does a
 * crash of the hub. I8: what is shown of a device belongs to its present life.
 */
export class Order implements Checker {
  readonly #checks: Checks;
  readonly #reported = new Map<string, Version>();
  /** Readings, by the stamps that count all readings of a world. */
  readonly #stamps = new Map<string, number>();
  readonly #restores = new Map<string, number>();
  #isHubForked = false;
  readonly #desired = new Map<string, Version>();
  /** Of devices that ended: no later life may show what was desired of an earlier one. */
  readonly #buried = new Map<string, Version>();

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  hubStarted({ fleet }: HubProgram): void {
    for (const gateway of this.#checks.world.gateways) this.#look(gateway);
    fleet.watch((change) => {
      if (change.kind === 'device-removed') this.#bury(change.device);
      if (change.kind !== 'property') return;
      const { reported, desired, description } = change.property;
      const key = `${change.device}/${description.name}`;
      if (reported !== undefined) {
        this.#rises('P3 reported', key, reported.version, this.#reported);
        this.#goesOn(change.node, key, reported);
      }
      if (desired !== undefined) this.#wanted(key, desired.version);
    });
  }

  forget({ node }: Gateway, device?: DeviceId): void {
    if (device === undefined) this.#restores.set(node, (this.#restores.get(node) ?? 0) + 1);
  }

  forgetHub(): void {
    this.#isHubForked = true;
    for (const seen of [this.#reported, this.#desired, this.#buried]) seen.clear();
  }

  #look(gateway: Gateway): void {
    const hub = HubRows.of(this.#checks.world, gateway.node);
    if (hub === undefined) return;
    for (const name of propertiesOf(gateway.plant.devices)) {
      const [reported, desired] = [hub.reported(name), hub.desired(name)];
      const row = hub.device(name.device);
      if (reported !== undefined) {
        this.#rises('P3 reported', name.key, reported.version, this.#reported);
        this.#checks.expect(
          row !== undefined && compareVersions(reported.version, row.incarnation) > 0,
          'I8 reported in an earlier life',
          name.key,
          { reported, row },
        );
      }
      if (desired !== undefined) this.#wanted(name.key, desired.version);
    }
  }

  #wanted(key: string, version: Version): void {
    this.#rises('P3 desired', key, version, this.#desired);
    const buried = this.#buried.get(key) ?? NO_VERSION;
    this.#checks.expect(
      compareVersions(version, buried) > 0,
      'I8 desired in an earlier life',
      key,
      {
        version,
        buried,
      },
    );
  }

  #bury(device: string): void {
    for (const [key, version] of this.#desired)
      if (key.startsWith(`${device}/`)) this.#buried.set(key, version);
  }

  /**
   * P8: no value of a backup goes over a newer one. What was never delivered of two different
   * backups is in nobody's order (docs/sync-protocol.md section 5).
   */
  #goesOn(node: string, key: string, { timestamp }: Reported): void {
    const before = this.#stamps.get(key) ?? 0;
    if (this.#checks.world.witnesses.of(timestamp) === undefined) return;
    this.#stamps.set(key, Math.max(before, timestamp));
    const isExcused = this.#isHubForked || this.#checks.world.cloned.has(node);
    if (isExcused || (this.#restores.get(node) ?? 0) > 1) return;
    this.#checks.expect(timestamp >= before, 'P8 an older value over a newer one', key, {
      ...{ before, timestamp },
    });
  }

  #rises(name: string, key: string, version: Version, seen: Map<string, Version>): void {
    const before = seen.get(key) ?? NO_VERSION;
    this.#checks.count('versions');
    this.#checks.expect(compareVersions(version, before) >= 0, `${name} went down`, key, {
      before: formatVersion(before),
      now: formatVersion(version),
    });
    seen.set(key, version);
  }
}
