import type { DeviceId, Property } from '#protocol/device.js';
import type { GatewayPut } from '../metamanager/transaction.js';
import type { DatedReading } from './twin-event.js';

/** What DeviceTwin asks of the history: runtime/history/ keeps samples, this room does not. */
export interface SampleKeeper {
  /** The samples of a report as rows of its transaction; undefined when it has none. */
  prepare(report: SampledReport): PreparedSamples | undefined;
}

export interface SampledReport {
  readonly device: DeviceId;
  /** Counter of the device's incarnation. */
  readonly life: number;
  readonly properties: ReadonlyMap<string, Property>;
  readonly readings: readonly DatedReading[];
}

export interface PreparedSamples {
  readonly puts: readonly GatewayPut[];
  /** To be called in the same turn, once the store has taken the puts. */
  committed(durable: Promise<void>): void;
}
