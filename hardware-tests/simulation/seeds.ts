import { EdgeError } from '#protocol/errors.js';
import { addLife, noFigures } from './figures.js';
import type { Figures } from './figures.js';
import { runLife } from './life.js';
import type { LifeWishes } from './options.js';

/** Some seeds in a row, and how to live them. */
export interface Batch {
  readonly from: number;
  readonly count: number;
  readonly wishes: LifeWishes;
}

export interface Failure {
  readonly seed: number;
  /** The breach, what the seed expanded to, and the last events. */
  readonly text: string;
}

export interface BatchResult {
  readonly figures: Figures;
  readonly failures: readonly Failure[];
}

/** Lives the seeds of a batch one after the other in this process. */
export async function runBatch({ from, count, wishes }: Batch): Promise<BatchResult> {
  const figures = noFigures();
  const failures: Failure[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const start = process.cpuUsage();
    try {
      const life = await runLife(seed, wishes);
      addLife(figures, life, cpuMsSince(start));
    } catch (thrown) {
      failures.push({ seed, text: EdgeError.from(thrown).message });
    }
  }
  return { figures, failures };
}

function cpuMsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
