import { EdgeError } from '#protocol/errors.js';
import { seededRandom } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';

/** Every kind of trouble that a life may meet; `npm run simulate -- --faults` takes these names. */
export const FAULTS = {
  loss: 'messages are lost on the wire and sent again by the transport, up to 30 %',
  burst: 'the wire loses nearly everything for a while',
  drop: 'a message is lost although its session lives on',
  duplicate: 'a message arrives twice',
  reorder: 'messages overtake each other',
  partition: 'one direction of a link is silent',
  cut: 'a link is silent in both directions',
  blackout: 'links are away for hours',
  'crash-gateway': 'a gateway loses its power: unsynced sectors are lost or torn',
  'crash-hub': 'the hub loses its power',
  'full-disk': 'no space is left, at either end',
  'failing-sync': 'fdatasync fails and what was written may be gone, at either end',
  'read-only': 'the file system turns read-only, at either end',
  clock: 'the wall clock jumps ahead, back, or to 1970, at either end',
  away: 'sensors do not answer',
  devices: 'devices leave the configuration and come back',
  'restore-gateway': 'a gateway comes back from a backup',
  'new-card': 'a gateway comes back with an empty card',
  'restore-hub': 'the hub comes back from a backup',
  'empty-hub': 'the hub comes back with an empty disk',
  clone: 'two gateways run with one identity',
} as const;

export type Fault = keyof typeof FAULTS;

export const ALL_FAULTS = Object.keys(FAULTS) as Fault[];

export interface LinkOptions {
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Share of transmissions that the wire loses; each costs a retransmission. */
  readonly loss: number;
  /** Share of messages that are lost for good within a living session. */
  readonly dropped: number;
  readonly duplicated: number;
}

/** All that a seed expands to: printed on failure, and enough to understand what was tried. */
export interface LifeOptions {
  readonly seed: number;
  readonly gateways: number;
  /** Virtual time before the end begins, milliseconds. */
  readonly lengthMs: number;
  readonly storms: number;
  readonly actionsPerStorm: number;
  readonly faults: readonly Fault[];
  /**
   * `safety`: in the end all faults cease and everybody has to agree. `liveness`: they cease for
   * the hub and some gateways only, the others stay in trouble for ever.
   */
  readonly mode: 'safety' | 'liveness';
  readonly link: LinkOptions;
  /** What a sync takes at most. */
  readonly syncMs: number;
  /** How often a sensor is read while nothing happens. */
  readonly quietCycleMs: number;
}

export interface LifeWishes {
  /** Absent: one to three, by the seed. */
  readonly gateways?: number | undefined;
  /** Absent: one storm of a few minutes. */
  readonly days?: number | undefined;
  /** Faults to draw from; absent: all. */
  readonly faults?: readonly Fault[] | undefined;
}

const DAY_MS = 86_400_000;
const STORMS_PER_DAY = 6;
const QUIET_CYCLE_MS = 600_000;

/** A seed as a life: which faults, how bad, how long. Half of the seeds meet half of the faults. */
export function expand(seed: number, wishes: LifeWishes = {}): LifeOptions {
  const random = seededRandom(seed ^ 0x5eed);
  const unit = (): number => random.unit();
  const gateways = wishes.gateways ?? 1 + Math.floor(unit() ** 2 * 3);
  const share = [0.2, 0.5, 0.8, 1][pick(random, 4)] ?? 1;
  const faults = (wishes.faults ?? ALL_FAULTS).filter(() => unit() < share);
  const has = (fault: Fault): boolean => faults.includes(fault);
  const storms =
    wishes.days === undefined ? 1 : Math.max(1, Math.round(wishes.days * STORMS_PER_DAY));
  return {
    seed,
    gateways,
    lengthMs: (wishes.days ?? 0) * DAY_MS,
    storms,
    actionsPerStorm: 15 + pick(random, 40),
    faults,
    mode: gateways > 1 && unit() < 0.4 ? 'liveness' : 'safety',
    link: {
      latencyMs: 5 + unit() ** 2 * 300,
      // Up to several windows of the gateway: messages of one property overtake each other.
      jitterMs: unit() * 900,
      loss: has('loss') ? unit() * 0.3 : 0,
      dropped: has('drop') ? unit() * 0.05 : 0,
      duplicated: has('duplicate') ? unit() * 0.2 : 0,
    },
    syncMs: 5 + unit() * 60,
    quietCycleMs: QUIET_CYCLE_MS * 2 ** (unit() * 5),
  };
}

export function parseFaults(text: string): readonly Fault[] {
  if (text === 'all') return ALL_FAULTS;
  if (text === 'none') return [];
  return text.split(',').map((name) => {
    if (isFault(name)) return name;
    throw new EdgeError('EDGE_USAGE', `no fault ${name}`, {
      hint: `Faults: all, none, or some of ${ALL_FAULTS.join(',')}`,
    });
  });
}

export function pick(random: Random, count: number): number {
  return Math.floor(random.unit() * count);
}

function isFault(name: string): name is Fault {
  return Object.hasOwn(FAULTS, name);
}
