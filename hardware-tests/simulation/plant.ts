import type { Device, Property } from '#protocol/device.js';
import type {
  CommandOutcome,
  CommandRequest,
  Mapper,
  MapperHost,
  MapperModule,
  WriteOutcome,
} from '#protocol/mapper-port.js';
import type { Timer } from '#protocol/clock.js';
import type { Random } from '#protocol/random.js';
import { NO_VERSION, sameVersion } from '#protocol/twin.js';
import type { Value, Version } from '#protocol/twin.js';

/** What a device holds, whatever processes come and go. */
export interface Register {
  value: number;
  /** The version of the last write that had ended at the device: only the checkers look. */
  ended: Version;
  /** Changed by something that the hub has not numbered: a knob, a local write. */
  drifted: boolean;
}

/** What the checkers know of one reading, by its timestamp, which is unique in a world. */
export interface Witness {
  readonly value: Value;
  /** The version of the last write that had ended before this reading STARTED. */
  readonly ended: Version;
}

/** Above every wall time of a world: tells readings from failures of writes. */
const FIRST_STAMP = 1e14;

/** All readings of a world. Their timestamps count them, so they never repeat. */
export class Witnesses {
  readonly #seen: Witness[] = [];

  stamp(witness: Witness): number {
    return FIRST_STAMP + this.#seen.push(witness);
  }

  of(timestamp: number): Witness | undefined {
    return this.#seen[timestamp - FIRST_STAMP - 1];
  }
}

/** Whether a row is this reading or came after it; a failed write is taken for newer. */
export function isSince(row: { readonly timestamp: number } | undefined, stamp: number): boolean {
  return row !== undefined && (row.timestamp < FIRST_STAMP || row.timestamp >= stamp);
}

/** Told of each reading that the gateway has acknowledged. */
export type Acknowledged = (device: string, property: string, timestamp: number) => void;

/** Milliseconds between two readings of a property while something happens. */
const LIVELY_MS = 1500;
const READ_MS = 900;
const WRITE_MS = 600;
const COMMAND_MS = 1500;
/** A device refuses this value. */
export const REFUSED = -1;

/** Where the devices stand. */
export interface Site {
  /** A command had its effect. */
  readonly affected: (id: string) => void;
  readonly abused: (text: string) => void;
}

/** The devices of one gateway: they outlive its processes, may be away, and may refuse. */
export class Plant {
  readonly devices: readonly Device[];
  readonly witnesses: Witnesses;
  readonly #registers = new Map<string, Register>();
  readonly #polls = new Set<() => void>();
  readonly #readers = new Map<string, () => Promise<void>>();
  /** No answer to reads and writes. */
  away = false;
  /** What the next readings and writes take, in milliseconds; absent: at random. */
  timing: { readonly read?: number; readonly write?: number } = {};
  /** Takes writes and does not change. */
  ignoresWrites = false;
  #paceMs = LIVELY_MS;

  readonly #site: Site;

  constructor(name: string, witnesses: Witnesses, site: Site) {
    this.devices = devicesOf(name);
    this.witnesses = witnesses;
    this.#site = site;
  }

  /** A device does what a command asks for. */
  affect(id: string): void {
    this.#site.affected(id);
  }

  /** Something was asked of a device that must never be. */
  abused(text: string): void {
    this.#site.abused(text);
  }

  /** These devices as they are now, at another place. */
  copyTo(other: Plant): void {
    for (const [key, register] of this.#registers) other.#registers.set(key, { ...register });
  }

  register(key: string): Register {
    let register = this.#registers.get(key);
    if (register === undefined)
      this.#registers.set(key, (register = { value: 0, ended: NO_VERSION, drifted: false }));
    return register;
  }

  get paceMs(): number {
    return this.#paceMs;
  }

  /** Readings this often from now on, on average; Infinity: none, so that all can come to rest. */
  pace(ms = LIVELY_MS): void {
    if (this.#paceMs === ms) return;
    this.#paceMs = ms;
    for (const poll of this.#polls) poll();
  }

  /** Reads a property now, in the process that runs; resolves when the gateway has answered. */
  async read(key: string): Promise<void> {
    await this.#readers.get(key)?.();
  }

  /** The newest process reads what is asked for by hand. */
  onRead(key: string, read: () => Promise<void>): void {
    this.#readers.set(key, read);
  }

  /** `again` sets the timer of the next reading anew. Returns the way to stop. */
  onPace(again: () => void): () => void {
    this.#polls.add(again);
    return () => void this.#polls.delete(again);
  }

  /** Its mapper, for one process. */
  mapper(random: Random, acknowledged: Acknowledged): MapperModule {
    return {
      protocolName: 'plant',
      validate: () => [],
      create: (host) => {
        const mapper = new PlantMapper(this, random, host, acknowledged);
        return random.unit() < 0.5 ? mapper : withoutMethods(mapper);
      },
    };
  }
}

/** The mapper of a plant: reads and writes take time, so they overlap. */
class PlantMapper implements Mapper {
  readonly #plant: Plant;
  readonly #random: Random;
  readonly #host: MapperHost;
  readonly #acknowledged: Acknowledged;
  readonly #labels = new Map<string, Version>();
  readonly #stops: (() => void)[] = [];
  /** Properties that are being written (I12). */
  readonly #writing = new Set<string>();
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

  async write(request: Parameters<Mapper['write']>[0]): Promise<WriteOutcome> {
    const key = `${request.device}/${request.property}`;
    if (this.#writing.has(key)) this.#plant.abused(`I12 two writes at once: ${key}`);
    this.#writing.add(key);
    const { write: writeMs = this.#upTo(WRITE_MS) } = this.#plant.timing;
    try {
      return await this.#after('write', writeMs, () => this.#write(key, request));
    } finally {
      this.#writing.delete(key);
    }
  }

  /** It takes a while, and the power may go before or after the effect. */
  async command({ id, notAfterMs }: CommandRequest): Promise<CommandOutcome> {
    await this.#after('command', this.#upTo(COMMAND_MS), () => undefined);
    if (this.#plant.away)
      return { ok: false, code: 'EDGE_DEVICE_TIMEOUT', message: 'away', unknown: true };
    if (this.#host.clock.now() > notAfterMs)
      return { ok: false, code: 'EDGE_EXPIRED', message: 'it took too long' };
    if (this.#random.unit() < 0.1)
      return { ok: false, code: 'EDGE_DEVICE_EXCEPTION', message: 'refused' };
    this.#plant.affect(id);
    await this.#after('command', this.#upTo(COMMAND_MS), () => undefined);
    return { ok: true, value: id };
  }

  #write(key: string, { value, version, command }: Parameters<Mapper['write']>[0]): WriteOutcome {
    if (this.#plant.away)
      return { ok: false, code: 'EDGE_DEVICE_TIMEOUT', message: 'away', retry: true };
    if (command !== undefined && this.#host.clock.now() > command.notAfterMs)
      return { ok: false, code: 'EDGE_EXPIRED', message: 'it took too long', retry: false };
    const register = this.#plant.register(key);
    // A refused write has ended too: readings that start now carry its version.
    this.#labels.set(key, version);
    const isLocal = sameVersion(version, NO_VERSION);
    if (!isLocal) register.ended = version;
    if (value === REFUSED)
      return { ok: false, code: 'EDGE_DEVICE_EXCEPTION', message: 'refused', retry: false };
    if (command !== undefined) this.#plant.affect(command.id);
    if (!this.#plant.ignoresWrites) register.value = Number(value);
    register.drifted = isLocal || command !== undefined;
    return { ok: true };
  }

  status() {
    return { protocolName: 'plant', devices: [], counters: {} };
  }

  stop(): Promise<void> {
    this.#stopped = true;
    for (const stop of this.#stops) stop();
    return Promise.resolve();
  }

  #poll(device: Device, property: string): void {
    let timer: Timer | undefined;
    const again = (): void => {
      timer?.cancel();
      const { paceMs } = this.#plant;
      if (this.#stopped || paceMs === Infinity) return;
      timer = this.#host.clock.setTimer('poll', this.#random.unit() * 2 * paceMs, () => {
        timer = undefined;
        void this.#read(device, property).finally(() => {
          if (timer === undefined) again();
        });
      });
    };
    this.#plant.onRead(`${device.id}/${property}`, () => this.#read(device, property));
    this.#stops.push(this.#plant.onPace(again), () => timer?.cancel());
    again();
  }

  async #read(device: Device, property: string): Promise<void> {
    const key = `${device.id}/${property}`;
    const label = this.#labels.get(key) ?? NO_VERSION;
    const { ended } = this.#plant.register(key);
    const { read: readMs = this.#upTo(READ_MS) } = this.#plant.timing;
    const value = await this.#after('read', readMs, () => this.#value(key, property));
    const timestamp = this.#plant.witnesses.stamp({ value, ended });
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

  #upTo(ms: number): number {
    return this.#random.unit() * ms;
  }

  #after<T>(name: string, ms: number, act: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#host.clock.setTimer(name, ms, () => resolve(act()));
    });
  }
}

/** A mapper that knows no methods: the gateway carries them out by writes. */
function withoutMethods(mapper: PlantMapper): Mapper {
  return {
    start: (devices) => mapper.start(devices),
    write: (request) => mapper.write(request),
    status: () => mapper.status(),
    stop: () => mapper.stop(),
  };
}

/** A tank of two properties and a fan of one, under names of their own. */
function devicesOf(name: string): readonly Device[] {
  return [
    device(`default/tank-${name}`, property('level', 'ReadWrite'), {
      ...property('temperature', 'ReadOnly'),
      history: true,
    }),
    device(`default/fan-${name}`, { ...property('speed', 'ReadWrite'), history: true }),
  ];
}

function property(name: string, access: Property['access']): Property {
  return {
    name,
    type: 'int',
    access,
    reportCycleMs: 1000,
    collectCycleMs: 1000,
    reportToCloud: true,
  };
}

function device(id: string, ...properties: Property[]): Device {
  return {
    id,
    model: 'plant',
    protocol: { protocolName: 'plant', configData: {} },
    properties,
    methods: [
      { name: 'set', properties: properties.filter(isWritable).map(({ name }) => name) },
      { name: 'pulse', properties: [] },
    ],
  };
}

function isWritable({ access }: Property): boolean {
  return access === 'ReadWrite';
}
