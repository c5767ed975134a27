import type { DeviceId } from '#protocol/device.js';
import { LIMITS } from '#protocol/limits.js';
import { DICTIONARY_IDS } from '#protocol/message-dictionary.js';
import { ADOPTION, HUB_DEVICES, PROTOCOL_VERSION } from '#protocol/sync-message.js';
import type { Digest, Hello, SyncMessage, Welcome } from '#protocol/sync-message.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { Channel } from './channel.js';
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
  /** At least the hub's monotonic time minus ours: the base of ages (section 4.6). */
  clockOffsetMs: number;
  /** The highest state number that the hub is known to hold: the stamp of digests. */
  acknowledged: number;
  /** The hub's desired state went back in time: local writes wait until it is adopted. */
  adopting: boolean;
  /** The hub is known to have learnt the boots of HELLO. */
  confirmed: boolean;
  /** When the next digest is due if all is quiet, and when it is due at the latest. */
  digestDueAtMs: number;
  digestLatestAtMs: number;
  /** When the wait for answers began, or the last message came. */
  answeredAtMs: number;
}

/** What waits for a commit or a reading of the store; void when its session is over. */
export type Pending =
  | { readonly kind: 'welcome'; readonly session: Session; readonly welcome: Welcome }
  | { readonly kind: 'desired'; readonly session: Session; readonly id: number }
  | {
      readonly kind: 'renumbered';
      readonly session: Session;
      readonly devices: readonly DeviceId[];
    }
  | { readonly kind: 'adoption'; readonly session: Session }
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
    clockOffsetMs: 0,
    acknowledged: 0,
    adopting: false,
    confirmed: false,
    digestDueAtMs: Infinity,
    digestLatestAtMs: Infinity,
    answeredAtMs: now,
  };
}

/** Nothing is believed of a WELCOME that this gateway's own history contradicts. */
export function refusalOf(
  { epoch, protocol, known, messageBytes }: Welcome,
  { identity, state, samples }: HelloFacts,
): { readonly detail: string; readonly leave: boolean } | undefined {
  if (epoch <= identity.lastEpoch)
    return { detail: `WELCOME of epoch ${epoch} is not above ${identity.lastEpoch}`, leave: false };
  if (protocol !== PROTOCOL_VERSION)
    return { detail: `this gateway speaks protocol ${PROTOCOL_VERSION}`, leave: true };
  if (messageBytes < GATEWAY_LIMITS.stateMessageBytes)
    return { detail: `the hub takes messages of ${messageBytes} bytes only`, leave: true };
  // I11: what the hub holds of this history cannot be newer than this history.
  for (const [theirs, ours, what] of [
    [known.state, state.value, 'state'],
    [known.samples, samples.value, 'samples'],
  ] as const)
    if (theirs > ours)
      return {
        detail: `the hub knows ${what} ${theirs}, this gateway counted to ${ours}`,
        leave: false,
      };
  return undefined;
}

/** The session as WELCOME makes it; it is live once WELCOME is durable. */
export function welcomed(session: Session, welcome: Welcome): void {
  session.phase = 'welcoming';
  session.epoch = welcome.epoch;
  session.acknowledged = welcome.known.state;
  session.adopting = welcome.adopt;
  session.messageBytes = Math.min(welcome.messageBytes, LIMITS.messageBytes);
  // Since HELLO, not since WELCOME came: a slow link makes ages too long, never too short.
  session.clockOffsetMs = welcome.monotonicMs - session.sinceMs;
}

export function helloOf(
  { boot, identity, state, samples, software, hubDevices, fallback }: HelloFacts,
  channels: readonly Channel[],
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
    features: [ADOPTION, HUB_DEVICES, ...channels.map(({ feature }) => feature)],
    dictionaries: DICTIONARY_IDS,
    monotonicMs: now,
    software,
    gen: identity.gen,
    hubGen: identity.hubGen ?? 0,
    ...(hubDevices === undefined ? {} : { hubDevices }),
    ...(fallback === undefined ? {} : { fallback }),
  };
}

/** Answers what was sent; other messages say nothing about that. */
export function isAnswer({ kind }: SyncMessage): boolean {
  return kind === 'ack' || kind === 'local-result' || kind === 'unsupported';
}

/** The next digest is due then if all is quiet, and so much later at the latest. */
export function digestsIn(session: Session, atMs: number, patienceMs = 0): void {
  session.digestDueAtMs = atMs;
  session.digestLatestAtMs = atMs + patienceMs;
}

/**
 * When a session in which something waits for its answer is given up: WELCOME did not come, nothing
 * was answered for too long, or one answer never came although later ones did.
 */
export function answerDueMs(
  { answeredAtMs, phase, sinceMs: begunMs }: Session,
  ...queues: readonly { readonly overtakenAtMs: number }[]
): number {
  if (phase !== 'live') return begunMs + GATEWAY_LIMITS.welcomeTimeoutMs;
  const sinceMs = Math.min(answeredAtMs, ...queues.map(({ overtakenAtMs }) => overtakenAtMs));
  return sinceMs + GATEWAY_LIMITS.answerTimeoutMs;
}
