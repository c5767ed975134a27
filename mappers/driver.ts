import type { Property } from '#protocol/device.js';
import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { Quality, Value } from '#protocol/twin.js';

/**
 * All that a new protocol has to bring: how to read some properties of one device and how to
 * write one. The engine polls, labels, checks ranges, batches, reads back and reports. At most
 * one `read` that is not urgent and one urgent call (a read-back or a write) are under way at a
 * time. After `PollingOptions.close` every call must end soon.
 */
export interface Driver {
  /**
   * One result for each property. A device that does not answer is a result of quality bad, not a
   * rejection; a rejection makes all of them bad. `urgent`: go before what others wait for.
   */
  read(properties: readonly Property[], urgent: boolean): Promise<readonly PointResult[]>;
  /**
   * `version` and read-back are the engine's. The value already fits the property's type. Nothing
   * may be sent to the device after `notAfterMs`, monotonic, when there is one.
   */
  write(property: Property, value: Value, notAfterMs?: number): Promise<WriteOutcome>;
  /** Why the device cannot be reached now, for people. */
  trouble?(): string | undefined;
  /**
   * The device is dropped while others go on: what no other needs is released, and what is under
   * way ends soon.
   */
  close?(): Promise<void> | void;
}

export interface PointResult {
  readonly property: string;
  readonly value: Value;
  readonly quality: Quality;
  /** An error code when the quality is not good. */
  readonly reason?: string;
  /** The reason in words, with the device's own numbers, for `status`. */
  readonly detail?: string;
  /** Wall time at which the device answered, milliseconds since 1970. */
  readonly timestamp: number;
}
