import type { DeviceId } from '#protocol/device.js';
import type { Random } from '#protocol/random.js';
import type { Checkers } from './checkers/all.js';
import type { Gateway } from './gateway.js';
import { pick } from './options.js';
import type { LifeOptions } from './options.js';
import { REFUSED } from './plant.js';
import type { World } from './world.js';

/** What actions act on, and what they remember of each other. */
export class Scene {
  readonly world: World;
  readonly checkers: Checkers;
  readonly options: LifeOptions;
  /** The gateways of the present storm. */
  struck: readonly Gateway[] = [];
  #values = 0;

  constructor(world: World, checkers: Checkers, options: LifeOptions) {
    this.world = world;
    this.checkers = checkers;
    this.options = options;
  }

  get random(): Random {
    return this.world.random;
  }

  chance(share: number): boolean {
    return this.random.unit() < share;
  }

  one<T>(list: readonly T[]): T | undefined {
    return list[pick(this.random, list.length)];
  }

  /** Small numbers, so that values are equal by accident; the device refuses some. */
  newValue(): number {
    return this.chance(0.05) ? REFUSED : ++this.#values % 5;
  }

  writable(gateway: Gateway): { device: DeviceId; property: string } {
    const [tank, fan] = gateway.plant.devices;
    const inTank = this.chance(0.7) ? tank : fan;
    return { device: inTank?.id ?? '', property: inTank === tank ? 'level' : 'speed' };
  }

  /** Time passes; only these gateways go on as in a storm, for an hour of it costs as much as a day. */
  async wait(ms: number, ...lively: readonly Gateway[]): Promise<void> {
    const others = this.struck.filter((gateway) => !lively.includes(gateway));
    for (const { plant } of others) plant.pace(this.options.quietCycleMs);
    await this.world.pass(ms);
    for (const { plant } of others) plant.pace();
  }

  /** Half of the time while something is on its way to the disk: the worst moment. */
  async worstMoment(station: { readonly isSyncing: boolean }): Promise<void> {
    if (this.chance(0.5)) await this.world.until(() => station.isSyncing, 2000);
  }
}
