import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Value, Version } from '#protocol/twin.js';
import type { Gateway } from '../gateway.js';
import type { Watcher, World } from '../world.js';

/**
 * Watches one promise or invariant of docs/sync-protocol.md while a world runs, and says what is
 * wrong when it has come to rest. Add one to `checkers/all.ts`.
 */
export interface Checker extends Watcher {
  /** Nothing is under way any more at these gateways and the hub: what is still wrong, if anything. */
  disagreement?(gateways: readonly Gateway[]): Breach | undefined;
  /** Somebody asks the hub for a desired value. */
  wished?(key: string): void;
  /** The hub has answered that this desired value is durable. */
  promised?(key: string, version: Version, value: Value): void;
  /** The gateway gets an empty card. */
  emptied?(gateway: Gateway): void;
  /** Promises about this gateway, or this device of it, are void: restored, cloned, removed. */
  forget?(gateway: Gateway, device?: DeviceId): void;
  /** The hub was restored or emptied: what it said before is void. */
  forgetHub?(): void;
}

export interface Breach {
  /** With the number of the promise or invariant. */
  readonly name: string;
  readonly where: string;
  readonly facts: object;
}

/** What every checker is made with. */
export class Checks {
  readonly world: World;
  /** How often something was judged, by name: a checker that saw nothing proves nothing. */
  readonly counts: Record<string, number> = {};

  readonly #overlooked = new Set<string>();

  constructor(world: World) {
    this.world = world;
  }

  /** For a script that plants this very breach. */
  overlook(name: string): void {
    this.#overlooked.add(name);
  }

  count(name: string, by = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + by;
  }

  expect(holds: boolean, name: string, where: string, facts: object): void {
    if (!holds && !this.#overlooked.has(name))
      this.world.fail(breachError({ name, where, facts }, this.world));
  }
}

export function breachError({ name, where, facts }: Breach, world: World): EdgeError {
  const at = Math.round(world.clock.now());
  return new EdgeError('EDGE_INTERNAL', `${name}: ${where} at ${at} ms ${JSON.stringify(facts)}`);
}
