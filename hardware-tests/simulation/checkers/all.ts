import type { DeviceId } from '#protocol/device.js';
import type { Value, Version } from '#protocol/twin.js';
import type { Gateway } from '../gateway.js';
import type { World } from '../world.js';
import { Adopted } from './adopted.js';
import { Agreement } from './agreement.js';
import { Checks } from './checker.js';
import type { Breach, Checker } from './checker.js';
import { Effects } from './effects.js';
import { Exact } from './exact.js';
import { Kept } from './kept.js';
import { LocalWritesChecker } from './local-writes.js';
import { Order } from './order.js';
import { Samples } from './samples.js';
import { Sessions } from './sessions.js';
import { Wanted } from './wanted.js';

/** Every checker of a world. */
export class Checkers {
  readonly checks: Checks;
  readonly #all: readonly Checker[];

  constructor(world: World) {
    const checks = new Checks(world);
    this.checks = checks;
    this.#all = [
      new Order(checks),
      new Kept(checks),
      new Wanted(checks),
      new Exact(checks),
      new Sessions(checks),
      new Effects(checks),
      new Samples(checks),
      new LocalWritesChecker(checks),
      new Adopted(checks),
      new Agreement(checks),
    ];
    world.watchers.push(...this.#all);
  }

  /** What these gateways and the hub do not agree about although nothing is under way any more. */
  disagreement(gateways: readonly Gateway[]): Breach | undefined {
    for (const checker of this.#all) {
      const breach = checker.disagreement?.(gateways);
      if (breach !== undefined) return breach;
    }
    return undefined;
  }

  wished(key: string): void {
    for (const checker of this.#all) checker.wished?.(key);
  }

  promised(key: string, version: Version, value: Value): void {
    for (const checker of this.#all) checker.promised?.(key, version, value);
  }

  emptied(gateway: Gateway): void {
    for (const checker of this.#all) checker.emptied?.(gateway);
  }

  forget(gateway: Gateway, device?: DeviceId): void {
    for (const checker of this.#all) checker.forget?.(gateway, device);
  }

  forgetHub(): void {
    for (const checker of this.#all) checker.forgetHub?.();
  }
}
