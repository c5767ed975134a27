import { PRIORITIES, type BusJob } from './job.js';

/** A job on its way through the bus. */
export interface Entry {
  readonly job: BusJob;
  /** It was sent before and not answered well: the last attempt, with all the time it may have. */
  readonly isRetry: boolean;
  /** Sent while nothing else is, to learn whether that many requests at once were too many. */
  readonly suspectDepth?: number;
}

/**
 * What waits at a bus, in the order in which it should go: writes, read-backs, then the poll whose
 * cycle ends first, so that fast polls go before slow ones and slow ones never starve. Among
 * equals the slave that was asked longest ago goes first: one with many requests does not hold
 * up the others.
 */
export class JobQueue {
  #entries: Entry[] = [];
  readonly #askedAt = new Map<number, number>();
  #asked = 0;

  get size(): number {
    return this.#entries.length;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** The first of those that may go; a poll when `pollFirst` and one may. It stays in the queue. */
  first(mayGo: (entry: Entry) => boolean, pollFirst: boolean): Entry | undefined {
    let best: Entry | undefined;
    for (const entry of this.#entries)
      if (mayGo(entry) && (best === undefined || this.#isBefore(entry, best, pollFirst)))
        best = entry;
    return best;
  }

  /** It is sent now. */
  take(entry: Entry): void {
    this.drop(entry);
    this.#askedAt.set(entry.job.request.unit, (this.#asked += 1));
  }

  drop(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }

  /** Empties the queue. */
  drain(): readonly Entry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** Ties keep their order of arrival: the scan is from the oldest on. */
  #isBefore(a: Entry, b: Entry, pollFirst: boolean): boolean {
    const rank = (pollFirst ? pollRank(a) - pollRank(b) : 0) || urgency(a) - urgency(b);
    if (rank !== 0) return rank < 0;
    const due = dueMs(a) - dueMs(b);
    if (due !== 0) return due < 0;
    const askedAt = ({ job }: Entry): number => this.#askedAt.get(job.request.unit) ?? 0;
    return askedAt(a) < askedAt(b);
  }
}

function urgency({ job }: Entry): number {
  return PRIORITIES.indexOf(job.priority);
}

function pollRank({ job }: Entry): number {
  return job.priority === 'poll' ? 0 : 1;
}

function dueMs({ job }: Entry): number {
  return job.priority === 'poll' ? (job.dueMs ?? 0) : 0;
}
