import { NO_VERSION, sameVersion } from '#protocol/twin.js';
import type { Value, Version } from '#protocol/twin.js';
import type { Mapper, MapperHost, MapperModule, WriteOutcome } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import type { Device } from '#protocol/device.js';

/** What a device holds, whatever processes come and go. */
interface Register {
  value: number;
  /** The version of the last write that had ended at the device: only the checker looks. */
  ended: Version;
  /** Changed by something that the hub has not numbered: a knob, a local write. */
  drifted: boolean;
}

/** What the checker knows of one reading, by its timestamp, which is unique. */
export interface Witness {
  readonly value: Value;
  /** The version of the last write that had ended before this reading STARTED. */
  readonly ended: Version;
}

/** The devices themselves: they outlive gateways, may be away, and may refuse. */
export class Plant {
  readonly registers = new Map<string, Register>();
  readonly witnesses = new Map<number, Witness>();
  /** No answer to reads and writes. */
  away = false;
  /** Nothing is read, so that everything can come to rest. */
  resting = false;
  #stamp = 1_000_000;

  register(key: string): Register {
    let register = this.registers.get(key);
    if (register === undefined)
      this.registers.set(key, (register = { value: 0, ended: NO_VERSION, drifted: false }));
    return register;
  }

  toggle(): void {
    this.away = !this.away;
  }

  stamp(witness: Witness): number {
    this.witnesses.set(++this.#stamp, witness);
    return this.#stamp;
  }
}

/** The mapper of a plant: reads and writes take time, so they overlap. */
export function plantMapper(
  plant: Plant,
  random: Random,
  acknowledged: Acknowledged,
): MapperModule {
  return {
    protocolName: 'plant',
    validate: () => [],
    create: (host) => new PlantMapper(plant, random, host, acknowledged),
  };
}

/** Told of each reading that the gateway has acknowledged. */
export type Acknowledged = (device: string, property: string, timestamp: number) => void;

class PlantMapper implements Mapper {
  #plant: Plant;
  #random: Random;
  #host: MapperHost;
  #acknowledged: Acknowledged;
  #labels = new Map<string, Version>();
  #stopped = false;

  constructor(plant: Plant, random: Random, host: MapperHost, acknowledged: Acknowledged) {
    this.#plant = plant;
    this.#random = random;
    this.#host = host;
    this.#acknowledged = acknowledged;
  }

  start(devices: Parameters<Mapper['start']>[0]): Promise<void> {
    for (const { device, applied } of devices) {
      for (const [property, version] of applied)
        this.#labels.set(`${device.id}/${property}`, version);
      for (const property of device.properties) this.#poll(device, property.name);
    }
    return Promise.resolve();
  }

  write({
    device,
    property,
    value,
    version,
  }: Parameters<Mapper['write']>[0]): Promise<WriteOutcome> {
    const key = `${device}/${property}`;
    return this.#after('write', 600, () => {
      if (this.#plant.away)
        return { ok: false, code: 'EDGE_DEVICE_TIMEOUT', message: 'away', retry: true };
      const register = this.#plant.register(key);
      // A refused write has ended too: readings that start now carry its version.
      this.#labels.set(key, version);
      const isLocal = sameVersion(version, NO_VERSION);
      if (!isLocal) register.ended = version;
      if (value === -1)
        return { ok: false, code: 'EDGE_DEVICE_EXCEPTION', message: 'refused', retry: false };
      register.value = Number(value);
      register.drifted = isLocal;
      return { ok: true };
    });
  }

  status() {
    return { protocolName: 'plant', devices: [], counters: {} };
  }

  stop(): Promise<void> {
    this.#stopped = true;
    return Promise.resolve();
  }

  #poll(device: Device, property: string): void {
    void this.#after('poll', 1500, () => {
      if (this.#stopped) return;
      const read = this.#plant.resting ? Promise.resolve() : this.#read(device, property);
      void read.finally(() => this.#poll(device, property));
    });
  }

  async #read(device: Device, property: string): Promise<void> {
    const key = `${device.id}/${property}`;
    const label = this.#labels.get(key) ?? NO_VERSION;
    const { ended } = this.#plant.register(key);
    const value = await this.#after('read', 900, () => this.#value(key, property));
    const timestamp = this.#plant.stamp({ value, ended });
    const reading =
      value === null
        ? ({ value, quality: 'bad', reason: 'EDGE_DEVICE_TIMEOUT' } as const)
        : ({ value, quality: 'good' } as const);
    try {
      await this.#host.report({
        device: device.id,
        readings: [{ property, ...reading, timestamp, appliedVersion: label }],
      });
      this.#acknowledged(device.id, property, timestamp);
    } catch {
      // Refused: the storage is away or the device left the configuration.
    }
  }

  #value(key: string, property: string): number | null {
    if (this.#plant.away) return null;
    // What nobody writes never stands still: no two readings are alike by accident.
    const register = this.#plant.register(key);
    if (property === 'temperature') register.value++;
    return register.value;
  }

  #after<T>(name: string, upToMs: number, act: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#host.clock.setTimer(name, this.#random.unit() * upToMs, () => resolve(act()));
    });
  }
}
