import type { Clock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { Value } from '#protocol/twin.js';
import { parseDecimal } from './decimal.js';
import type { Derived } from './derived-config.js';
import type { Driver, PointResult } from './driver.js';
import { evaluate } from './expression.js';
import { present, type Decoded } from './present.js';

type AlarmState = 'high' | 'low' | 'none';

/** Reads what derived properties are made of together with the others, and makes them. */
export class DerivingDriver implements Driver {
  readonly #inner: Driver;
  readonly #device: Device;
  readonly #derived: ReadonlyMap<string, Derived>;
  readonly #clock: Clock;
  readonly #alarms = new Map<string, AlarmState>();

  constructor(inner: Driver, device: Device, derived: ReadonlyMap<string, Derived>, clock: Clock) {
    this.#inner = inner;
    this.#device = device;
    this.#derived = derived;
    this.#clock = clock;
  }

  trouble(): string | undefined {
    return this.#inner.trouble?.();
  }

  async close(): Promise<void> {
    await this.#inner.close?.();
  }

  write(property: Property, value: Value, notAfterMs?: number): Promise<WriteOutcome> {
    return this.#inner.write(property, value, notAfterMs);
  }

  async read(properties: readonly Property[], urgent: boolean): Promise<readonly PointResult[]> {
    const needed = new Set<string>();
    for (const { name } of properties)
      for (const source of this.#derived.get(name)?.of ?? [name]) needed.add(source);
    const sources = this.#device.properties.filter(({ name }) => needed.has(name));
    const read = sources.length === 0 ? [] : await this.#inner.read(sources, urgent);
    const results = new Map(read.map((result) => [result.property, result]));
    return properties.flatMap((property) => {
      const derived = this.#derived.get(property.name);
      const result =
        derived === undefined
          ? results.get(property.name)
          : this.#derive(property, derived, results);
      return result === undefined ? [] : [result];
    });
  }

  #derive(
    property: Property,
    derived: Derived,
    results: ReadonlyMap<string, PointResult>,
  ): PointResult {
    const { name } = property;
    let timestamp = derived.of.length === 0 ? this.#clock.wallTime() : 0;
    let doubt: PointResult | undefined;
    const values = new Map<string, number>();
    for (const source of derived.of) {
      const result = results.get(source);
      const number = numberOf(result?.value ?? null);
      if (result === undefined || result.quality === 'bad' || number === undefined) {
        const reason = result?.reason ?? 'EDGE_TYPE';
        const detail = `${source}: ${result?.detail ?? 'is no number'}`;
        const at = result?.timestamp ?? this.#clock.wallTime();
        return { property: name, value: null, quality: 'bad', reason, detail, timestamp: at };
      }
      timestamp = Math.max(timestamp, result.timestamp);
      if (result.quality === 'uncertain') doubt = result;
      values.set(source, number);
    }
    const made = this.#make(property, derived, values);
    if (!made.ok)
      return {
        property: name,
        value: null,
        quality: 'bad',
        reason: made.code,
        detail: made.why,
        timestamp,
      };
    const reason = doubt?.reason === undefined ? {} : { reason: doubt.reason };
    const quality = doubt === undefined ? 'good' : 'uncertain';
    return { property: name, value: made.value, quality, ...reason, timestamp };
  }

  #make(property: Property, derived: Derived, values: ReadonlyMap<string, number>): Decoded {
    if (derived.kind === 'alarm') {
      const state = alarmState(
        derived,
        values.get(derived.of[0]) ?? NaN,
        this.#alarms.get(property.name) ?? 'none',
      );
      this.#alarms.set(property.name, state);
      return { ok: true, value: property.type === 'boolean' ? state !== 'none' : state };
    }
    const number = evaluate(derived.expression, values);
    const decimal = parseDecimal(number);
    if (decimal === undefined)
      return { ok: false, code: 'EDGE_OUT_OF_RANGE', why: `the calculation gives ${number}` };
    return present(property.type, decimal);
  }
}

/** An alarm begins beyond its bound and ends only when the value has come back by the hysteresis. */
function alarmState(
  { high = Infinity, low = -Infinity, hysteresis }: Derived & { kind: 'alarm' },
  value: number,
  before: AlarmState,
): AlarmState {
  if (value > high || (before === 'high' && value > high - hysteresis)) return 'high';
  if (value < low || (before === 'low' && value < low + hysteresis)) return 'low';
  return 'none';
}

function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' && /^-?\d{1,40}$/.test(value) ? Number(value) : undefined;
}
