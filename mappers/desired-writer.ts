import type { Clock, Timer } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Mapper } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import {
  compareVersions,
  formatVersion,
  NO_VERSION,
  type Value,
  type Version,
} from '#protocol/twin.js';
import { parseText } from '#protocol/value-check.js';
import { WriteLanes } from '#protocol/write-lanes.js';
import { MAPPER_LIMITS } from './limits.js';
import type { TwinProperty } from './mqtt-payload.js';

interface Wish {
  readonly value: Value;
  readonly version: Version;
  /** What tells one wish from another: its version, or its text while it has none. */
  readonly key: string;
}

interface PropertyState {
  wish?: Wish;
  /** The key of the last wish whose write has ended. */
  endedKey?: string;
  version: Version;
  busy: boolean;
  failures: number;
  retry?: Timer;
}

/**
 * Writes what the gateway desires through a mapper: one write under way a property, the newest
 * wish only, tried again while the device is away (docs/sync-protocol.md section 4.4). The part
 * that the runtime plays for mappers in its own process.
 */
export class DesiredWriter {
  readonly #mapper: Pick<Mapper, 'write'>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  readonly #lanes: WriteLanes;
  /** What waits for a command of the same property to end. */
  readonly #kept = new Map<string, () => void>();
  readonly #states = new Map<string, PropertyState>();
  #stopped = false;

  constructor(
    mapper: Pick<Mapper, 'write'>,
    ports: { readonly clock: Clock; readonly random: Random; readonly log: Log },
    lanes = new WriteLanes(),
  ) {
    this.#mapper = mapper;
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#log = ports.log;
    this.#lanes = lanes;
    lanes.onFree((keys) => {
      for (const key of keys) this.#kept.get(key)?.();
    });
  }

  /** The version that readings of a property carry now. */
  label(device: Device, property: string): Version {
    return this.#states.get(`${device.id} ${property}`)?.version ?? NO_VERSION;
  }

  /** `first`: the twin as the gateway holds it, with the labels of what it has already seen. */
  heard(device: Device, twin: ReadonlyMap<string, TwinProperty>, first: boolean): void {
    for (const property of device.properties) {
      const said = twin.get(property.name);
      if (said === undefined) continue;
      const state = this.#state(device, property);
      if (first && said.appliedVersion !== undefined && state.endedKey === undefined) {
        state.version = said.appliedVersion;
        state.endedKey = formatVersion(said.appliedVersion);
      }
      if (said.expected !== undefined) this.#want(device, property, state, said.expected);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const state of this.#states.values()) state.retry?.cancel();
  }

  #want(
    device: Device,
    property: Property,
    state: PropertyState,
    { text, version }: { text: string; version?: Version },
  ): void {
    if (property.access === 'ReadOnly') return;
    // A local write that the hub has not decided on has no version yet: the label stays as it is.
    const key = version === undefined ? `text ${text}` : formatVersion(version);
    const known = state.wish;
    if (known?.key === key || (known === undefined && state.endedKey === key)) return;
    if (version !== undefined && compareVersions(version, known?.version ?? NO_VERSION) < 0) return;
    try {
      const value = parseText(property, text);
      state.wish = { value, version: version ?? state.version, key };
    } catch (thrown) {
      const cause = EdgeError.from(thrown);
      this.#log.warn('desired-refused', { device: device.id, property: property.name, cause });
      return;
    }
    state.failures = 0;
    state.retry?.cancel();
    void this.#write(device, property, state);
  }

  async #write(device: Device, property: Property, state: PropertyState): Promise<void> {
    const { wish } = state;
    if (this.#stopped || state.busy || wish === undefined || state.endedKey === wish.key) return;
    const lane = `${device.id} ${property.name}`;
    if (!this.#lanes.tryTake(lane)) {
      this.#kept.set(lane, () => void this.#write(device, property, state));
      return;
    }
    this.#kept.delete(lane);
    state.busy = true;
    const { value, version, key } = wish;
    const request = { device: device.id, property: property.name, value, version };
    const outcome = await this.#mapper.write(request).catch((thrown: unknown) => {
      const { code, message } = EdgeError.from(thrown);
      return { ok: false, code, message, retry: false } as const;
    });
    state.busy = false;
    this.#lanes.free([lane]);
    if (outcome.ok || !outcome.retry) {
      state.endedKey = key;
      state.version = version;
      state.failures = 0;
    }
    if (!outcome.ok)
      this.#log.warn('write-failed', { device: device.id, property: property.name, ...outcome });
    if (state.wish?.key !== key) void this.#write(device, property, state);
    else if (!outcome.ok && outcome.retry) this.#retryLater(device, property, state);
  }

  #retryLater(device: Device, property: Property, state: PropertyState): void {
    if (this.#stopped) return;
    const boundMs = Math.min(
      MAPPER_LIMITS.mqttWriteRetryMaxMs,
      MAPPER_LIMITS.mqttWriteRetryFirstMs * 2 ** Math.min(state.failures, 16),
    );
    state.failures += 1;
    const delayMs = this.#random.unit() * boundMs;
    state.retry = this.#clock.setTimer('mqtt write retry', delayMs, () => {
      void this.#write(device, property, state);
    });
  }

  #state(device: Device, property: Property): PropertyState {
    const key = `${device.id} ${property.name}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const state: PropertyState = { version: NO_VERSION, busy: false, failures: 0 };
    this.#states.set(key, state);
    return state;
  }
}
