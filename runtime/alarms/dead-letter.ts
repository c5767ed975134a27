import type { DeviceId } from '#protocol/device.js';
import type { RaisedAlarmCode } from './gateway-alarms.js';

/** Something that will not reach the hub. */
export interface Undelivered {
  /**
   * `value`: a reported row; `device`: its announcement, so none of its rows leave either;
   * `local-write`: a value set at this gateway; `desired`: what a restored hub was told of its own
   * values; `message`: a message of a type that the hub does not know, tried again in the next session.
   */
  readonly what: 'value' | 'device' | 'local-write' | 'desired' | 'message';
  /** Empty for a message. */
  readonly device: DeviceId;
  readonly property?: string;
  /** Why: an error code, the hub's own words. */
  readonly code: string;
}

/** Equal ones are one dead letter, counted: a row of the table `deadLetters`. */
export interface DeadLetter extends Undelivered {
  readonly count: number;
  /** Wall time, milliseconds since 1970. */
  readonly first: number;
  readonly last: number;
}

/** What a person may have to know, from whoever finds it out. */
export type CareEvent =
  | { readonly kind: 'undelivered'; readonly letters: readonly Undelivered[] }
  | { readonly kind: 'raised'; readonly code: RaisedAlarmCode; readonly detail: string };

export interface Care {
  take(event: CareEvent): void;
}
