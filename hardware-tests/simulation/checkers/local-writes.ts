import type { HubPropertyView } from '#cloud/fleet.js';
import { compareVersions, formatVersion, sameVersion } from '#protocol/twin.js';
import type { Desired, Version } from '#protocol/twin.js';
import type { LocalWriteRow } from '#runtime/metamanager/tables.js';
import { isOwnEcho } from '#runtime/devicetwin/twin-rows.js';
import { Gateway } from '../gateway.js';
import type { HubProgram } from '../hub.js';
import type { Station } from '../station.js';
import type { Checker, Checks } from './checker.js';
import { HubRows } from './rows.js';

/**
 * I9: a conflict is recorded only if the cloud wrote after the base, and an accepted local write
 * hides no write of the cloud. A local write gives way to a write of the cloud only, never to the
 * echo of an older one of its own chain.
 */
export class LocalWritesChecker implements Checker {
  readonly #checks: Checks;
  /** Every desired value that the hub ever showed, by property, oldest first. */
  readonly #history = new Map<string, Desired[]>();
  /** What each local write stood on, by property and id. */
  readonly #writes = new Map<string, LocalWriteRow>();
  readonly #conflicts = new Set<string>();
  readonly #lives = new Map<string, string>();
  readonly #lost = new Set<string>();
  readonly #commits = new WeakMap<object, number>();
  #isVoid = false;

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  hubStarted({ fleet }: HubProgram): void {
    for (const { description, properties, node, incarnation } of fleet.devices()) {
      this.#live(description.id, incarnation);
      for (const view of properties) this.#look(node, description.id, view);
    }
    fleet.watch((change) => {
      if (change.kind === 'device')
        this.#live(change.device.description.id, change.device.incarnation);
      if (change.kind === 'property') this.#look(change.node, change.device, change.property);
    });
  }

  turned(touched: ReadonlySet<Station<object>>): void {
    for (const station of touched) if (station instanceof Gateway) this.#gateway(station);
  }

  forgetHub(): void {
    this.#isVoid = true;
  }

  #gateway({ program, node, isClone }: Gateway): void {
    if (program === undefined || isClone) return;
    const { meta } = program;
    const { commits } = meta.stats();
    if (this.#commits.get(meta) === commits) return;
    this.#commits.set(meta, commits);
    for (const [key, { pending, lost }] of meta.rows('locals')) {
      for (const write of pending === undefined ? lost : [...lost, pending])
        this.#writes.set(`${key} ${formatVersion(write.lid)}`, write);
      if (pending?.lost !== true || this.#checks.world.cloned.has(node)) continue;
      const name = `${node} ${key} ${formatVersion(pending.lid)}`;
      if (this.#lost.has(name)) continue;
      this.#lost.add(name);
      const desired = meta.get('desired', key);
      this.#checks.expect(
        !isOwnEcho(desired?.origin, pending.chainStart),
        'I9 a local write gave way to its own echo',
        key,
        { desired, pending },
      );
    }
  }

  /** What was desired of an earlier life counts no more. */
  #live(device: string, incarnation: Version): void {
    const life = formatVersion(incarnation);
    if (this.#lives.get(device) === life) return;
    this.#lives.set(device, life);
    for (const key of [...this.#history.keys()])
      if (key.startsWith(`${device}/`)) this.#history.delete(key);
  }

  #look(node: string, device: string, { description, desired }: HubPropertyView): void {
    const { cloned } = this.#checks.world;
    if (this.#isVoid || cloned.has(node)) return;
    const key = `${device}/${description.name}`;
    this.#lookAtConflicts(node);
    if (desired === undefined) return;
    const history = this.#history.get(key) ?? [];
    this.#history.set(key, history);
    const newest = history.at(-1);
    if (newest !== undefined && compareVersions(desired.version, newest.version) <= 0) return;
    history.push(desired);
    const { origin } = desired;
    const write = origin && this.#writes.get(`${key} ${formatVersion(origin)}`);
    if (write === undefined) return;
    this.#checks.count('localsAccepted');
    const hidden = history.find(
      (entry) =>
        entry.origin === undefined &&
        compareVersions(entry.version, write.base) > 0 &&
        compareVersions(entry.version, desired.version) < 0,
    );
    this.#checks.expect(
      hidden === undefined,
      'I9 an accepted local write hides one of the cloud',
      key,
      { hidden, write, desired },
    );
  }

  #lookAtConflicts(node: string): void {
    const rows = HubRows.of(this.#checks.world, node)?.rows.all('conflicts');
    for (const [key, conflict] of rows ?? []) {
      if (this.#conflicts.has(key)) continue;
      this.#conflicts.add(key);
      this.#checks.count('conflicts');
      const { device, property, base, cloud, lid } = conflict;
      const history = this.#history.get(`${device}/${property}`) ?? [];
      const isKnown = history.some(({ version }) => sameVersion(version, cloud.version));
      const byCloud =
        !isKnown ||
        history.some(
          // An earlier life of the gateway's store is another writer, too.
          ({ version, origin }) => origin?.gen !== lid.gen && compareVersions(version, base) > 0,
        );
      this.#checks.expect(byCloud, 'I9 a conflict without a write of the cloud', key, {
        conflict,
        history: history.slice(-5),
      });
    }
  }
}
