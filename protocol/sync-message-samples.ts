import type { DeviceId } from './device.js';
import type { Quality, TimeQuality, Value, Version } from './twin.js';

/** Listed in HELLO and WELCOME: both ends know these messages. */
export const SAMPLES_FEATURE = 'samples';

/**
 * g>h: the samples of properties with history, a second stream beside state with numbers of its
 * own, contiguous and acknowledged cumulatively (docs/sync-protocol.md section 4.3). This message
 * accounts for every number above `from` up to `to`: each is a row here or one of `dropped`.
 * Answered by Sack.
 */
export interface Samples {
  readonly kind: 'samples';
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  /** How many of these numbers were given up before they could be sent (full, or too old). */
  readonly dropped: number;
  /** In the order of their numbers. */
  readonly rows: readonly SampleRow[];
}

export interface SampleRow {
  readonly device: DeviceId;
  /** The life of the device it belongs to. */
  readonly incarnation: Version;
  readonly property: string;
  readonly n: number;
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
  /** Wall time of the reading as the gateway believed, milliseconds since 1970. */
  readonly timestamp: number;
  /** How far `timestamp` may be believed; absent: not told. */
  readonly clock?: TimeQuality;
}

/** h>g: all numbers up to `stored` are accounted for AND durable. */
export interface Sack {
  readonly kind: 'sack';
  readonly epoch: number;
  readonly stored: number;
}
