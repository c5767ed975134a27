import type { HubPropertyView } from '#cloud/fleet.js';
import { equalValues, sameVersion } from '#protocol/twin.js';
import type { HubProgram } from '../hub.js';
import type { Checker, Checks } from './checker.js';

/** I7: in-sync means that the read started after the write of this very version, and saw its value. */
export class Exact implements Checker {
  readonly #checks: Checks;

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  hubStarted({ fleet }: HubProgram): void {
    for (const { description, properties } of fleet.devices())
      for (const view of properties) this.#look(description.id, view);
    fleet.watch((change) => {
      if (change.kind === 'property') this.#look(change.device, change.property);
    });
  }

  #look(device: string, view: HubPropertyView): void {
    const { reported, desired, state } = view;
    if (state !== 'in-sync' || desired === undefined || reported === undefined) return;
    const witness = this.#checks.world.witnesses.of(reported.timestamp);
    this.#checks.count('inSync');
    this.#checks.expect(
      witness !== undefined &&
        sameVersion(witness.ended, desired.version) &&
        equalValues(witness.value, desired.value),
      'I7 in-sync is not exact',
      `${device}/${view.description.name}`,
      { view, witness },
    );
  }
}
