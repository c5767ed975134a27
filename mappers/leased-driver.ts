import type { Clock } from '#protocol/clock.js';
import type { Property } from '#protocol/device.js';
import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { Value } from '#protocol/twin.js';
import type { Driver, PointResult } from './driver.js';
import { misconfigured } from './misconfigured.js';

/** A driver and the line that it shares with other devices; nothing is read after `release`. */
export interface Lease {
  readonly driver: Driver;
  release(): Promise<void>;
}

/** Why there is none, when another device holds the line in another way. */
export type OpenLease = () => Promise<Lease | string>;

/** Tries again with each reading until the line is to be had; gives it up when it is dropped. */
export class LeasedDriver implements Driver {
  readonly #open: OpenLease;
  readonly #clock: Clock;
  #lease: Lease | undefined;
  #opening: Promise<void> | undefined;
  #why: string | undefined;
  #isClosed = false;

  private constructor(open: OpenLease, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  static async open(open: OpenLease, clock: Clock): Promise<LeasedDriver> {
    const driver = new LeasedDriver(open, clock);
    await driver.#driver();
    return driver;
  }

  async read(properties: readonly Property[], urgent: boolean): Promise<readonly PointResult[]> {
    return (await this.#driver()).read(properties, urgent);
  }

  async write(property: Property, value: Value, notAfterMs?: number): Promise<WriteOutcome> {
    return (await this.#driver()).write(property, value, notAfterMs);
  }

  trouble(): string | undefined {
    return this.#lease === undefined ? this.#why : this.#lease.driver.trouble?.();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opening;
    const lease = this.#lease;
    this.#lease = undefined;
    this.#why = 'the device was dropped';
    await lease?.release();
  }

  async #driver(): Promise<Driver> {
    if (this.#lease === undefined && !this.#isClosed)
      await (this.#opening ??= this.#tryOpen().finally(() => (this.#opening = undefined)));
    return this.#lease?.driver ?? misconfigured(this.#why ?? 'it was dropped', this.#clock);
  }

  async #tryOpen(): Promise<void> {
    const opened = await this.#open();
    if (typeof opened === 'string') this.#why = opened;
    else this.#lease = opened;
  }
}
