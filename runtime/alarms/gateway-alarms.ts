/**
 * Every alarm of a gateway. `stands`: a condition that is there now and goes by itself when it is
 * over; the others happened, and stay until a person has seen them. docs/errors.md says for each
 * what to do.
 */
export const GATEWAY_ALARMS = {
  EDGE_STORAGE: {
    stands: true,
    meaning: 'The storage does not keep what is reported.',
  },
  EDGE_STORAGE_CORRUPT: {
    stands: true,
    meaning: 'Stored bytes were damaged; what was left of them is set aside.',
  },
  EDGE_CONFIG: {
    stands: true,
    meaning: 'The configuration is wrong; the last one that worked is in force.',
  },
  EDGE_SUPERSEDED: {
    stands: true,
    meaning: 'This gateway keeps away from its hub: another one uses its identity.',
  },
  EDGE_VERSION_SKEW: {
    stands: true,
    meaning: 'This gateway keeps away from its hub: they share no version of the protocol.',
  },
  EDGE_DEVICE_TAKEN: {
    stands: true,
    meaning: 'A device does not run here, or not for the hub: its id is in use elsewhere.',
  },
  EDGE_UNDELIVERED: {
    stands: false,
    meaning: 'The hub refused something that this gateway had for it, or cannot take it.',
  },
  EDGE_GATEWAY_RESTORED: {
    stands: false,
    meaning: 'This gateway came back with an older or another store.',
  },
  EDGE_HUB_RESTORED: {
    stands: false,
    meaning: 'The hub came back with an older store, and is told what it forgot.',
  },
} as const satisfies Record<string, { stands: boolean; meaning: string }>;

export type GatewayAlarmCode = keyof typeof GATEWAY_ALARMS;

/** Those that happened, until a person has seen them. */
export type RaisedAlarmCode = {
  [Code in GatewayAlarmCode]: (typeof GATEWAY_ALARMS)[Code]['stands'] extends false ? Code : never;
}[GatewayAlarmCode];

export interface GatewayAlarm {
  readonly code: GatewayAlarmCode;
  readonly detail: string;
  /** Of one that happened: how often, and when first and last, in milliseconds since 1970. */
  readonly raised?: RaisedAlarm;
}

/** A row of the table `alarms`, its key is the code. */
export interface RaisedAlarm {
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly detail: string;
}

export function isGatewayAlarm(text: string): text is GatewayAlarmCode {
  return Object.hasOwn(GATEWAY_ALARMS, text);
}

export function isRaisedAlarm(code: GatewayAlarmCode): code is RaisedAlarmCode {
  return !GATEWAY_ALARMS[code].stands;
}
