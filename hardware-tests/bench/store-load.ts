import { performance } from 'node:perf_hooks';
import { pause, percentile } from './process-figures.js';

/** What a gateway keeps of a property, about 200 bytes of JSON with table and key. */
export type TwinRow = ReturnType<typeof twinRow>;

export interface StoreLoad {
  readonly name: string;
  readonly updates: number;
  /** Each writer waits for its update before it makes the next. */
  readonly writers?: number;
  /** Instead of writers: updates come at this pace, whatever becomes of earlier ones. */
  readonly perSecond?: number;
}

export interface LoadFigures {
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

type Put = (key: string, row: TwinRow) => Promise<void>;

export const KEYS = 1_000;

export function keyOf(nth: number, keys = KEYS): string {
  return `default/meter-${nth % keys}/power`;
}

export function twinRow(nth: number) {
  return {
    value: 1_000 + ((nth * 7) % 997) / 10,
    version: [1, nth],
    quality: 'good',
    timestamp: 1_767_225_600_000 + nth,
    desired: { value: 0, version: [1, 4] },
    incarnation: 'a1b2c3d4e5f60718',
    unsent: true,
  };
}

export async function bear(load: StoreLoad, put: Put): Promise<LoadFigures> {
  const start = performance.now();
  const tookMs =
    load.perSecond === undefined ? await closed(load, put) : await paced(load, load.perSecond, put);
  const seconds = (performance.now() - start) / 1000;
  return { seconds, p50Ms: percentile(tookMs, 0.5), p99Ms: percentile(tookMs, 0.99) };
}

async function closed({ updates, writers = 1 }: StoreLoad, put: Put): Promise<number[]> {
  const tookMs: number[] = [];
  let nth = 0;
  const write = async (): Promise<void> => {
    while (nth < updates) tookMs.push(await timed(put, nth++));
  };
  await Promise.all(Array.from({ length: writers }, write));
  return tookMs;
}

async function paced({ updates }: StoreLoad, perSecond: number, put: Put): Promise<number[]> {
  const start = performance.now();
  const under: Promise<number>[] = [];
  while (under.length < updates) {
    const due = ((performance.now() - start) / 1000) * perSecond;
    while (under.length < Math.min(due, updates)) {
      // From when it should have begun: a store that blocks the loop pays for it.
      const dueAtMs = start + (under.length * 1000) / perSecond;
      under.push(timed(put, under.length, dueAtMs));
    }
    await pause(1);
  }
  return Promise.all(under);
}

async function timed(put: Put, nth: number, from = performance.now()): Promise<number> {
  await put(keyOf(nth), twinRow(nth));
  return performance.now() - from;
}
