import type { CongestionStatus } from '#tunnel/coded/congestion/controller.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { symbolRoom } from '#tunnel/coded/recovery/exchange.js';
import { ControlledGate } from './controlled-gate.js';
import { SimulatedLink, type Link, type LinkOptions } from './simulated-link.js';
import { SimulatedPath } from './simulated-path.js';
import { TcpBbr } from './tcp-bbr.js';
import { TcpCubic } from './tcp-cubic.js';
import { TcpFlow } from './tcp-flow.js';
import { Timeline } from './timeline.js';

/** 10 Mbit/s. */
export const RATE = 1_250;
const STEP_MS = 100;

export interface Contest {
  readonly flows: readonly FlowOptions[];
  readonly roundTripMs: number;
  readonly seconds: number;
  readonly seed: number;
  /** Not counted, to let the flows settle. */
  readonly settleSeconds?: number;
  /** Bytes of the drop-tail queue. */
  readonly queueBytes?: number;
  /** Both directions. */
  readonly link?: Partial<LinkOptions>;
}

export interface FlowOptions {
  readonly kind: 'own' | 'cubic' | 'bbr';
  readonly startMs?: number;
  /** Bytes to transfer; endless unless said. */
  readonly bytes?: number;
  readonly watch?: (status: CongestionStatus, now: number) => void;
}

export interface FlowFigures {
  /** IP bytes that arrived, of what the link can carry in the time that counts. */
  readonly share: number;
  /** The same of payload; 0 for TCP. */
  readonly goodput: number;
  /** IP bytes sent by the bytes of first transmissions, both with headers; 0 for TCP. */
  readonly overhead: number;
  /** When the transfer was complete, seconds from its start; Infinity: it is not. */
  readonly doneSeconds: number;
  /** IP bytes that arrived in each 100 ms from the beginning. */
  readonly steps: readonly number[];
  readonly status: CongestionStatus | undefined;
}

export interface ContestFigures {
  readonly flows: readonly FlowFigures[];
  /** Milliseconds that packets of own flows stood in the queue. */
  readonly queue: { readonly p50: number; readonly p95: number };
}

/** What is offered at once: two packets' worth. */
const AHEAD = 2;

/** Flows over one bottleneck; shares are of rate x (1 - loss). Deterministic by its seed. */
export function runContest(contest: Contest, bench: Workbench): ContestFigures {
  const { roundTripMs, seconds, seed, settleSeconds = seconds / 3, queueBytes = 125_000 } = contest;
  const timeline = new Timeline();
  const way = { delayMs: roundTripMs / 2, ...contest.link };
  const rate = contest.link?.rate ?? RATE;
  const bottleneck = new SimulatedLink({ ...way, rate, queueBytes }, seed * 97);
  const from = settleSeconds * 1_000;
  const carried = (seconds * 1_000 - from) * rate * (1 - (contest.link?.loss ?? 0));
  const queues: number[] = [];
  const runs = contest.flows.map((flow, index) => {
    const steps: number[] = [];
    const observed: Link = {
      send: (bytes, now) => {
        if (flow.kind === 'own' && now >= from) queues.push(bottleneck.queueMs(now));
        const at = bottleneck.send(bytes, now);
        if (at === undefined) return undefined;
        const step = Math.floor(at / STEP_MS);
        steps[step] = (steps[step] ?? 0) + bytes;
        return at;
      },
    };
    const back = { ...way, rate, queueBytes: 250_000 };
    const { startMs = 0 } = flow;
    if (flow.kind !== 'own') {
      const lossless = new SimulatedLink({ delayMs: roundTripMs / 2 }, 0);
      const control = flow.kind === 'cubic' ? new TcpCubic() : new TcpBbr(2 + (seed % 6));
      new TcpFlow(timeline, observed, lossless, control).start(startMs);
      return { steps, figures: () => ({}) };
    }
    const links = [observed, new SimulatedLink(back, seed * 97 + index + 1)] as const;
    return { steps, figures: startOwn(flow, links, from) };
  });
  timeline.run(seconds * 1_000);
  const flows = runs.map(({ steps, figures }) => {
    const known = {
      payload: 0,
      overhead: 0,
      doneSeconds: Infinity,
      status: undefined,
      ...figures(),
    };
    const arrived = steps.slice(from / STEP_MS, (seconds * 1_000) / STEP_MS);
    return {
      ...known,
      share: arrived.reduce((sum, bytes) => sum + bytes, 0) / carried,
      goodput: known.payload / carried,
      steps: Array.from(steps, (bytes: number | undefined) => bytes ?? 0),
    };
  });
  queues.sort((a, b) => a - b);
  const at = (share: number): number => queues[Math.floor(queues.length * share)] ?? 0;
  return { flows, queue: { p50: at(0.5), p95: at(0.95) } };

  function startOwn(
    { startMs = 0, bytes = Infinity, watch }: FlowOptions,
    links: readonly [Link, Link],
    countFrom: number,
  ): () => OwnFigures {
    const gates: ControlledGate[] = [];
    const data = new Uint8Array(CODED_LIMITS.symbolBytes);
    let offered = 0;
    let known = 0;
    let payload = 0;
    let doneSeconds = Infinity;
    const path: SimulatedPath = new SimulatedPath({
      links,
      roundTripMs,
      seed,
      bench,
      timeline,
      gate: (exchange) => {
        const gate = new ControlledGate(exchange);
        gates.push(gate);
        return gate;
      },
      supply: ({ sender }, room) => {
        if (path.now < startMs) return;
        while (offered < bytes && sender.unsentBytes < AHEAD * room) {
          const symbol = data.subarray(0, Math.min(symbolRoom(room), bytes - offered));
          if (sender.offer(symbol, 'bulk', path.now) === undefined) return;
          offered += symbol.length;
        }
        if (offered >= bytes) sender.finish();
      },
      onSymbol: (end, symbol, now) => {
        if (end === 0) return;
        known += symbol.data.length;
        if (now >= countFrom) payload += symbol.data.length;
        if (known >= bytes) doneSeconds = (now - startMs) / 1_000;
      },
    });
    const [{ exchange }] = path.ends;
    const refill = (): void => {
      const status = gates[0]?.controller.status;
      if (status !== undefined) watch?.(status, path.now);
      if (known < bytes) path.at(path.now + 5, refill);
    };
    path.at(startMs, refill);
    return () => ({
      payload,
      doneSeconds,
      overhead: path.ends[0].bytes / exchange.sender.counts.firstBytes,
      status: gates[0]?.controller.status,
    });
  }
}

interface OwnFigures {
  readonly payload: number;
  readonly doneSeconds: number;
  readonly overhead: number;
  readonly status: CongestionStatus | undefined;
}
