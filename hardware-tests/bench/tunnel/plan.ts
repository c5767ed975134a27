import type { Congestion } from '../../linkem/emulated-link.js';
import type { BenchResult } from '../table.js';
import type { Load } from './end.js';
import { Health } from './health.js';
import type { Plot } from './plot.js';
import { measureAll, type Cell, type Outcome } from './run.js';
import type { SubjectName, Worth } from './subject.js';

export const RATE = 10_000_000;
export const ENDLESS = 1e12;
const FIRST_SEED = 11;
const SEEDS = 5;
/** From the last batch's processes to the next one's first packet, for the estimate of the end. */
const START_SECONDS = 3;

/** How much of everything. */
export interface Size {
  readonly seeds: readonly number[];
  /** A tenth of the work: shows that it runs. */
  readonly quick: boolean;
  /** Cells at once, where a part does not know better. */
  readonly links?: number;
  /** What takes minutes by itself too. */
  readonly long: boolean;
}

export function sizeOf(options: {
  readonly quick?: boolean;
  readonly seeds?: number;
  readonly links?: number;
  readonly long?: boolean;
}): Size {
  const { quick = false, seeds = quick ? 1 : SEEDS, links, long = false } = options;
  return {
    seeds: Array.from({ length: seeds }, (_, index) => FIRST_SEED + index),
    quick,
    long,
    ...(links === undefined ? {} : { links }),
  };
}

/** What a part of the benchmark returns. */
export interface PartResult {
  readonly tables: readonly BenchResult[];
  /** By file name. */
  readonly plots?: Readonly<Record<string, Plot>>;
}

export type Part = (plan: Plan) => Promise<PartResult>;

/** Who is measured: the transport, its worth, TCP's congestion control. */
export interface Contestant {
  readonly name: string;
  readonly subject: SubjectName;
  readonly congestion?: Congestion;
  readonly worth?: Worth;
}

/** Runs cells in batches, says how far it is, and notes what may have disturbed it. */
export class Plan {
  readonly size: Size;
  readonly health = new Health();
  readonly #progress: (text: string) => void;

  constructor(size: Size, progress: (text: string) => void) {
    this.size = size;
    this.#progress = progress;
  }

  /** Each of `cells` with each seed, `atOnce` of them on links of their own; by cell, by seed. */
  async run(
    cells: readonly Omit<Cell, 'seed'>[],
    atOnce: number,
  ): Promise<readonly (readonly Outcome[])[]> {
    const { seeds, links = atOnce } = this.size;
    // Seed by seed: what is measured beside each other is of the same minute.
    const jobs = seeds.flatMap((seed) => cells.map((cell, index) => ({ seed, cell, index })));
    const outcomes: Outcome[][] = cells.map(() => []);
    for (let done = 0; done < jobs.length; done += links) {
      const batch = jobs.slice(done, done + links);
      this.#progress(`${done}/${jobs.length} cells, ${this.#left(jobs.slice(done), links)} left`);
      const results = await measureAll(batch.map(({ cell, seed }) => ({ ...cell, seed })));
      for (const [at, outcome] of results.entries()) {
        outcomes[batch[at]?.index ?? 0]?.push(outcome);
        this.health.note(outcome, batch.length);
      }
    }
    return outcomes;
  }

  /** The same cell for each contestant, all of them at once on links of their own. */
  async compete(
    contestants: readonly Contestant[],
    cells: readonly CompetingCell[],
    atOnce: number,
  ): Promise<readonly (readonly (readonly [Contestant, readonly Outcome[]])[])[]> {
    const all = cells.flatMap(({ load, ...cell }) =>
      contestants.map((who) => ({
        ...cell,
        flows: [
          {
            subject: who.subject,
            load: load(who),
            ...(who.congestion === undefined ? {} : { congestion: who.congestion }),
          },
        ],
      })),
    );
    const { links = atOnce } = this.size;
    const plan = new Plan({ ...this.size, links: links * contestants.length }, this.#progress);
    const outcomes = await plan.run(all, 0);
    this.health.add(plan.health);
    return cells.map((_, cell) =>
      contestants.map((who, at) => [who, outcomes[cell * contestants.length + at] ?? []] as const),
    );
  }

  /** The same with at most so many seeds. */
  few(seeds: number): Plan {
    return new Plan({ ...this.size, seeds: this.size.seeds.slice(0, seeds) }, this.#progress);
  }

  /** Says what is going on, for people who wait. */
  say(text: string): void {
    this.#progress(text);
  }

  #left(jobs: readonly { readonly cell: Omit<Cell, 'seed'> }[], links: number): string {
    let seconds = 0;
    for (let at = 0; at < jobs.length; at += links)
      seconds +=
        START_SECONDS + Math.max(...jobs.slice(at, at + links).map(({ cell }) => lengthOf(cell)));
    return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  }
}

/** A cell of `compete`: who carries the load is given. */
export type CompetingCell = Omit<Cell, 'seed' | 'flows'> & {
  readonly load: (who: Contestant) => Load;
};

function lengthOf({ flows, seconds, graceSeconds = 0 }: Omit<Cell, 'seed'>): number {
  const of = ({ load, startSeconds = 0 }: (typeof flows)[number]): number => {
    if (load.kind === 'messages') return (load.count * load.everyMs) / 1_000;
    return startSeconds + (load.kind === 'connects' ? load.count : load.seconds);
  };
  return Math.min(seconds, Math.max(...flows.map(of))) + graceSeconds;
}

/** `queue`: in bandwidth-delay products. */
export function linkOf(trip: number, extra: string, queue = 1, rate = RATE): string {
  const least = queue < 1 ? 0 : 30_000;
  const bytes = Math.max(Math.round((rate / 8_000) * trip * queue), least);
  return `rate=${rate},queue=${bytes},delay=${trip / 2}ms,${extra}`;
}
