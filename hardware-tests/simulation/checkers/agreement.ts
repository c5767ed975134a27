import { compareVersions, equalValues, NO_VERSION, sameVersion } from '#protocol/twin.js';
import { isUnsent } from '#runtime/devicetwin/twin-rows.js';
import type { Gateway, GatewayProgram } from '../gateway.js';
import { REFUSED } from '../plant.js';
import type { Breach, Checker, Checks } from './checker.js';
import { HubRows, hubDevicesOf, propertiesOf } from './rows.js';
import type { PropertyName } from './rows.js';

/** P2, I15: nothing is under way any more and both ends agree, and the devices hold what they should. */
export class Agreement implements Checker {
  readonly #checks: Checks;
  #hubWentBack = false;

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  forgetHub(): void {
    this.#hubWentBack = true;
  }

  disagreement(gateways: readonly Gateway[]): Breach | undefined {
    for (const gateway of gateways) {
      const breach = this.#of(gateway);
      if (breach !== undefined) return breach;
    }
    this.#checks.count('agreed', gateways.length);
    return undefined;
  }

  #of(gateway: Gateway): Breach | undefined {
    const { program, node } = gateway;
    const hub = HubRows.of(this.#checks.world, node);
    if (program === undefined || hub === undefined)
      return { name: 'P2 not running', where: node, facts: {} };
    if (!program.edgeHub.isLive)
      return { name: 'P2 not connected', where: node, facts: program.edgeHub.status() };
    const created = hubDevicesOf(hub.rows);
    const wanted = [...gateway.devices, ...created];
    const here = program.twins
      .devices()
      .map(({ device }) => device.id)
      .sort();
    const all = [...new Set(wanted.map(({ id }) => id))].sort();
    if (here.join() !== all.join())
      return { name: 'P2 devices here', where: node, facts: { here, all } };
    const there = [...hub.rows.all('devices').values()]
      .flatMap(({ description }) => (description === null ? [] : [description.id]))
      .sort();
    if (here.join() !== there.join())
      return { name: 'P2 devices', where: node, facts: { here, there } };
    for (const name of propertiesOf(created.length === 0 ? gateway.devices : wanted)) {
      const breach = this.#compare(gateway, program, hub, name);
      if (breach !== undefined) return breach;
    }
    return undefined;
  }

  #compare(
    gateway: Gateway,
    { meta }: GatewayProgram,
    hub: HubRows,
    name: PropertyName,
  ): Breach | undefined {
    const { key, device, property } = name;
    const row = meta.get('reported', key);
    const [up, down] = [hub.reported(name), hub.desired(name)];
    const desired = meta.get('desired', key);
    const locals = meta.get('locals', key);
    const applied = meta.get('applied', key)?.version ?? NO_VERSION;
    const version = row && { gen: meta.identity().gen, n: row.n };
    const breach = (what: string): Breach => ({
      name: what,
      where: key,
      facts: { gateway: { row, desired, locals, applied }, hub: { up, down } },
    });
    const [life, otherLife] = [meta.get('devices', device), hub.device(device)];
    if (!sameVersion(life?.incarnation ?? NO_VERSION, otherLife?.incarnation ?? NO_VERSION))
      return breach('I15 lives of a device');
    if (isUnsent(meta, device, property)) return breach('I15 nothing unsent');
    if (locals !== undefined) return breach('I15 no pending local write');
    if (row?.stale === true) return breach('P2 stale values are read again');
    if (!sameVersion(version ?? NO_VERSION, up?.version ?? NO_VERSION))
      return breach('P2 reported version');
    if (!equalValues(row?.value ?? null, up?.value ?? null)) return breach('P2 reported');
    if (
      !sameVersion(desired?.version ?? NO_VERSION, down?.version ?? NO_VERSION) ||
      !equalValues(desired?.value ?? null, down?.value ?? null)
    )
      return breach('P2 desired');
    if (desired === undefined || down === undefined) return undefined;
    const machine = this.#checks.world.hub.program?.loop(gateway.node)?.machine;
    if (machine?.isStored(`${gateway.node}\n${device}\n${property}`, down.version) !== true)
      return breach('P2 not known to be stored');
    // What is desired was written, unless the device refused it or somebody turned a knob since.
    if (!sameVersion(applied, desired.version)) return breach('P2 desired is not applied');
    const { drifted, value, ended } = gateway.plant.register(key);
    if (drifted || desired.value === REFUSED || value === desired.value) return undefined;
    // The hub went back, and the gateway too or its storage had refused: a later write that both
    // forgot is like a knob turned, and shown as not in sync.
    if (this.#hubWentBack && compareVersions(ended, desired.version) > 0) return undefined;
    return breach('P2 applied is not at the device');
  }
}
