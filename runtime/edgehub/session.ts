import { LIMITS } from '#protocol/limits.js';
import { PROTOCOL_VERSION } from '#protocol/sync-message.js';
import type { Digest, Hello } from '#protocol/sync-message.js';
import type { HelloFacts } from './sync-event.js';

/** One session, from the connection to its end. */
export interface Session {
  /** `greeting`: HELLO sent; `welcoming`: WELCOME is being journaled; `live`: all may be sent. */
  phase: 'greeting' | 'welcoming' | 'live';
  readonly facts: HelloFacts;
  readonly sinceMs: number;
  /** 0 before WELCOME. */
  epoch: number;
  messageBytes: number;
  /** The highest state number that the hub is known to hold: the stamp of digests. */
  acknowledged: number;
  /** The hub's desired state went back in time: local writes wait until it is adopted. */
  adopting: boolean;
  /** The hub is known to have learnt the boots of HELLO. */
  confirmed: boolean;
  nextStateAtMs: number;
  /** When the next digest is due if all is quiet, and when it is due at the latest. */
  digestDueAtMs: number;
  digestLatestAtMs: number;
  /** When the wait for answers began, or the last message came. */
  answeredAtMs: number;
}

/** What waits for a commit or a reading of the store; void when its session is over. */
export type Pending =
  | { readonly kind: 'welcome'; readonly session: Session }
  | { readonly kind: 'desired'; readonly session: Session; readonly id: number }
  | {
      readonly kind: 'digest';
      readonly session: Session;
      /** The stamp: what the hub was known to hold when the digest was asked for. */
      readonly state: number;
      /** A digest of the hub to compare with, instead of sending our own. */
      readonly theirs?: Digest;
    };

export function newSession(facts: HelloFacts, now: number): Session {
  return {
    phase: 'greeting',
    facts,
    sinceMs: now,
    epoch: 0,
    messageBytes: LIMITS.messageBytes,
    acknowledged: 0,
    adopting: false,
    confirmed: false,
    nextStateAtMs: now,
    digestDueAtMs: Infinity,
    digestLatestAtMs: Infinity,
    answeredAtMs: now,
  };
}

export function helloOf(
  { boot, identity, state, samples, software }: HelloFacts,
  now: number,
): Hello {
  return {
    kind: 'hello',
    boot,
    lineage: identity.lineage,
    lastEpoch: identity.lastEpoch,
    state,
    samples,
    hubLineage: identity.hubLineage,
    maxDesired: identity.maxDesired,
    hubBoots: identity.hubBoots,
    protocol: { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION },
    features: [],
    dictionaries: [],
    monotonicMs: now,
    software,
  };
}
