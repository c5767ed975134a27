import type { Sample } from './sample-line.js';
import { isoTime } from './twin-document.js';
import type { Quality, Value } from './twin.js';

/** A sample as an end has kept it. */
export interface KeptSample extends Sample {
  /** Where it stands in this end's history: rises in the order in which samples came. */
  readonly n: number;
  /** Wall time of the reading as the gateway believed, milliseconds since 1970. */
  readonly timestamp: number;
}

/** A sample as JSON: what both REST interfaces serve and both command lines print. */
export interface SampleDocument {
  /** Absent when the gateway sent a time that no calendar has. */
  readonly timestamp?: string;
  readonly value: Value;
  readonly quality: Quality;
  readonly reason?: string;
}

export function sampleDocument(sample: KeptSample): SampleDocument {
  const { value, quality, reason } = sample;
  const timestamp = isoTime(sample.timestamp);
  return {
    ...(timestamp === undefined ? {} : { timestamp }),
    value,
    quality,
    ...(reason === undefined ? {} : { reason }),
  };
}
