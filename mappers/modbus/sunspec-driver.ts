import type { Clock } from '#protocol/clock.js';
import type { Property } from '#protocol/device.js';
import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { Value } from '#protocol/twin.js';
import type { Driver, PointResult } from '../driver.js';
import { MAPPER_LIMITS } from '../limits.js';
import type { BusRunner } from './bus-runner.js';
import type { ModbusSettings } from './config.js';
import { ModbusDriver } from './driver.js';
import { findPoint } from './sunspec-point.js';
import { visitorOf, walkSunSpec, type Walked } from './sunspec.js';
import { trouble } from './trouble.js';
import { readVisitor } from './visitor-config.js';

/** What is known of a device: the driver of the points that it has, and why it has not the others. */
interface Known {
  readonly driver: ModbusDriver;
  readonly missing: ReadonlyMap<string, { readonly reason: string; readonly detail: string }>;
  /** Monotonic milliseconds after which the device is asked for its map again. */
  readonly untilMs: number;
}

/** A device that says itself where its points are: its chain of SunSpec models is walked first. */
export class SunSpecDriver implements Driver {
  readonly #settings: ModbusSettings;
  readonly #runner: BusRunner;
  readonly #clock: Clock;
  #known: Known | undefined;
  #asking: Promise<Known> | undefined;
  #isClosed = false;

  constructor(settings: ModbusSettings, runner: BusRunner, clock: Clock) {
    this.#settings = settings;
    this.#runner = runner;
    this.#clock = clock;
  }

  trouble(): string | undefined {
    return this.#runner.trouble;
  }

  close(): void {
    this.#isClosed = true;
    this.#known?.driver.close();
  }

  async read(properties: readonly Property[], urgent: boolean): Promise<readonly PointResult[]> {
    const { driver, missing } = await this.#find(properties);
    const timestamp = this.#clock.wallTime();
    const lacked = properties.flatMap(({ name: property }): PointResult[] => {
      const why = missing.get(property);
      return why === undefined
        ? []
        : [{ property, value: null, quality: 'bad', ...why, timestamp }];
    });
    const there = properties.filter(({ name }) => !missing.has(name));
    if (there.length === 0) return lacked;
    const read = await driver.read(there, urgent);
    // A firmware update may have moved the models.
    if (read.some(({ reason }) => reason === 'EDGE_DEVICE_EXCEPTION')) this.#doubt();
    return [...read, ...lacked];
  }

  async write(property: Property, value: Value, notAfterMs?: number): Promise<WriteOutcome> {
    const { driver } = await this.#find([property]);
    return driver.write(property, value, notAfterMs);
  }

  #find(properties: readonly Property[]): Promise<Known> {
    const known = this.#known;
    if (known !== undefined && this.#clock.now() < known.untilMs) return Promise.resolve(known);
    this.#asking ??= this.#ask(properties).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(properties: readonly Property[]): Promise<Known> {
    const { unit, timeoutMs } = this.#settings;
    const cycleMs = Math.min(...properties.map(({ collectCycleMs }) => collectCycleMs));
    const dueMs = this.#clock.now() + cycleMs;
    const walked = await walkSunSpec(({ offset, count }) =>
      this.#runner.request(
        { op: 'read', unit, kind: 'holding', offset, count },
        { priority: 'poll', timeoutMs, dueMs },
      ),
    );
    this.#known = this.#judge(walked);
    if (this.#isClosed) this.#known.driver.close();
    return this.#known;
  }

  #judge(walked: Walked): Known {
    const visitors = new Map(this.#settings.visitors);
    const missing = new Map<string, { reason: string; detail: string }>();
    const models = walked.kind === 'chain' ? walked.models : [];
    for (const [property, name] of this.#settings.points) {
      const found = findPoint(name, models);
      const { visitor } =
        found === undefined
          ? { visitor: undefined }
          : readVisitor(readOnly(property), visitorOf(found.point, found.base), []);
      if (visitor === undefined) missing.set(property, whyMissing(walked, name.group));
      else visitors.set(property, visitor);
    }
    const isFinal = walked.kind === 'chain' && walked.broken === undefined;
    // Nothing was heard: the next reading asks again, and the bus knows whom not to ask.
    const againMs =
      walked.kind === 'unheard' ? 0 : isFinal ? Infinity : MAPPER_LIMITS.sunSpecAgainMs;
    const driver = new ModbusDriver({ ...this.#settings, visitors }, this.#runner, this.#clock);
    return { driver, missing, untilMs: this.#clock.now() + againMs };
  }

  #doubt(): void {
    const known = this.#known;
    if (known === undefined) return;
    const untilMs = Math.min(known.untilMs, this.#clock.now() + MAPPER_LIMITS.sunSpecAgainMs);
    this.#known = { ...known, untilMs };
  }
}

function whyMissing(walked: Walked, group: string): { reason: string; detail: string } {
  if (walked.kind === 'unheard') {
    const { reason, why: detail } = trouble(walked.outcome);
    return { reason, detail };
  }
  if (walked.kind === 'none')
    return {
      reason: 'EDGE_UNSUPPORTED',
      detail: 'the device has no SunSpec map at 40000, 50000 or 0',
    };
  if (walked.broken !== undefined && walked.broken.kind !== 'data') {
    const { reason, why } = trouble(walked.broken);
    return { reason, detail: `its SunSpec map could not be read to its end: ${why}` };
  }
  const models = walked.models.map(({ id }) => id).join(', ');
  return {
    reason: 'EDGE_UNSUPPORTED',
    detail: `the device has no such point of the group ${group}; its models are ${models}`,
  };
}

/** Points are read as they are; the property's own type is applied by the driver. */
function readOnly(name: string): Property {
  return {
    ...{ name, type: 'string', access: 'ReadOnly', reportToCloud: true },
    ...{ reportCycleMs: 0, collectCycleMs: 0 },
  };
}
