import type { DeviceId, Property } from '#protocol/device.js';
import { EdgeError, type ErrorCode } from '#protocol/errors.js';
import type { MapperHost, Reading } from '#protocol/mapper-port.js';
import type { Value } from '#protocol/twin.js';
import { deadbandOf, isBeyond } from './report-policy.js';

/** Faults of one reading, for which the whole batch is refused. */
const ONE_READING: readonly ErrorCode[] = [
  'EDGE_NO_PROPERTY',
  'EDGE_TYPE',
  'EDGE_RANGE',
  'EDGE_LIMIT',
];

/** Slots are sums of doubles. */
const SLOT_TOLERANCE_MS = 0.5;

/**
 * Readings of one device on their way to the host: by reportCycle, at once when the quality
 * changes, when the value leaves its deadband, or after a write; one batch under way, newer readings replace those that wait.
 */
export class ReportQueue {
  readonly #device: DeviceId;
  readonly #host: MapperHost;
  readonly #waiting = new Map<string, Reading>();
  /** By property: when the next report is due and how the last one was. */
  readonly #last = new Map<string, { dueMs: number; condition: string; value: Value }>();
  #underWay = false;
  #stopped = false;
  #refused: string | undefined;

  constructor(device: DeviceId, host: MapperHost) {
    this.#device = device;
    this.#host = host;
  }

  /** `slotMs`: the poll that the reading belongs to; undefined for a read-back. */
  offer(property: Property, reading: Reading, slotMs: number | undefined): void {
    const last = this.#last.get(property.name);
    const condition = `${reading.quality} ${reading.reason ?? ''}`;
    const due =
      slotMs === undefined || last === undefined || slotMs >= last.dueMs - SLOT_TOLERANCE_MS;
    const deadband = deadbandOf(property);
    const hasMoved =
      deadband !== undefined && last !== undefined && isBeyond(deadband, last.value, reading.value);
    const isNews = due || hasMoved || last.condition !== condition;
    if (!isNews && !this.#waiting.has(property.name)) return;
    const dueMs =
      slotMs === undefined
        ? (last?.dueMs ?? 0)
        : due || hasMoved
          ? slotMs + property.reportCycleMs
          : last.dueMs;
    this.#last.set(property.name, { dueMs, condition, value: reading.value });
    this.#waiting.set(property.name, reading);
  }

  flush(): void {
    if (this.#underWay || this.#stopped || this.#waiting.size === 0) return;
    const readings = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#underWay = true;
    void this.#report(readings).finally(() => {
      this.#underWay = false;
      this.flush();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
  }

  async #report(readings: readonly Reading[]): Promise<void> {
    const error = await this.#refusal(readings);
    if (error === undefined) {
      this.#refused = undefined;
      return;
    }
    if (readings.length > 1 && ONE_READING.includes(error.code)) {
      // One bad reading must not keep the others from being heard.
      for (const reading of readings) if (!this.#stopped) await this.#report([reading]);
      return;
    }
    for (const { property } of readings) this.#last.delete(property);
    if (this.#refused !== error.code)
      this.#host.log.warn('report-refused', { device: this.#device, cause: error });
    this.#refused = error.code;
  }

  async #refusal(readings: readonly Reading[]): Promise<EdgeError | undefined> {
    try {
      await this.#host.report({ device: this.#device, readings });
      return undefined;
    } catch (thrown) {
      return EdgeError.from(thrown);
    }
  }
}
