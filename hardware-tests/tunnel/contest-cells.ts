import { RATE, type Contest, type ContestFigures } from './contest.js';

/** One situation, and what it must show. Shares of 0 to 1. */
export interface ContestCell {
  readonly name: string;
  readonly contest: Omit<Contest, 'seed'>;
  readonly judge: (figures: ContestFigures) => number;
  /** What `judge` gives has to lie between. */
  readonly goal: readonly [number, number];
  /** Own queueing delay, 95th percentile, milliseconds. */
  readonly queueP95Max?: number;
  /** IP bytes sent by those of first transmissions. */
  readonly overheadMax?: number;
}

const own = (startMs = 0): Contest['flows'][0] => ({ kind: 'own', startMs });
const goodput = ({ flows }: ContestFigures): number => flows[0]?.goodput ?? 0;

/** What the first flow has of all that was carried. */
function firstShare({ flows }: ContestFigures): number {
  return (flows[0]?.share ?? 0) / flows.reduce((sum, { share }) => sum + share, 0);
}

export function alone(roundTripMs: number, loss: number): ContestCell {
  return {
    name: `alone, RTT ${roundTripMs}, ${loss * 100} % loss: goodput`,
    contest: { flows: [own()], roundTripMs, seconds: 30, settleSeconds: 5, link: { loss } },
    judge: goodput,
    goal: [roundTripMs === 300 ? 0.85 : 0.88, 1],
    queueP95Max: 30,
    ...(loss === 0 ? { overheadMax: 1.02 } : {}),
  };
}

/** A slow line: the queue that the own target asks for is nobody else's. */
export function slow(roundTripMs: number): ContestCell {
  return {
    name: `alone at 1 Mbit/s, RTT ${roundTripMs}: goodput`,
    contest: { flows: [own()], roundTripMs, seconds: 30, link: { rate: RATE / 10 } },
    judge: goodput,
    goal: [0.88, 1],
    queueP95Max: 80,
  };
}

export function pair(roundTripMs: number, laterMs: number): ContestCell {
  const flows = [own(), own(laterMs)];
  const settleSeconds = laterMs === 0 ? 10 : 30;
  return {
    name: `two own, RTT ${roundTripMs}, ${laterMs / 1_000} s apart: share of the first`,
    contest: { flows, roundTripMs, seconds: settleSeconds + 20, settleSeconds },
    judge: firstShare,
    goal: [0.4, 0.6],
  };
}

export function beside(
  kind: 'cubic' | 'bbr',
  roundTripMs: number,
  delays: number,
  ownFirst: boolean,
  loss = 0,
): ContestCell {
  const flows = [own(ownFirst ? 0 : 1_000), { kind, startMs: ownFirst ? 3_000 : 0 }];
  const first = ownFirst ? 'own' : kind;
  return {
    name: `beside ${kind}, RTT ${roundTripMs}, queue ${delays} BDP, ${loss * 100} % loss, ${first} first`,
    contest: {
      flows,
      roundTripMs,
      seconds: 32,
      settleSeconds: 8,
      queueBytes: delays * roundTripMs * RATE,
      link: { loss },
    },
    judge: firstShare,
    goal: [0.25, 0.75],
  };
}

export function blackout(roundTripMs: number): ContestCell {
  return {
    name: `first second after a 2 s blackout, RTT ${roundTripMs}: of the rate`,
    contest: {
      flows: [own()],
      roundTripMs,
      seconds: 14,
      link: { blackout: { fromMs: 10_000, untilMs: 12_000 } },
    },
    judge: ({ flows }) =>
      (flows[0]?.steps ?? []).slice(120, 130).reduce((sum, bytes) => sum + bytes, 0) /
      (RATE * 1_000),
    goal: [0.5, 1.01],
  };
}

export function transfer(loss: number): ContestCell {
  return {
    name: `5 MB, RTT 300, ${loss * 100} % loss: seconds`,
    contest: {
      flows: [{ kind: 'own', bytes: 5e6 }],
      roundTripMs: 300,
      seconds: 20,
      link: { loss },
    },
    judge: ({ flows }) => flows[0]?.doneSeconds ?? Infinity,
    goal: [0, 6.5],
  };
}
