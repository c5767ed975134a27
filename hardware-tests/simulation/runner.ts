import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { EdgeError } from '#protocol/errors.js';
import { addFigures, noFigures } from './figures.js';
import type { Figures } from './figures.js';
import type { LifeWishes } from './options.js';
import type { Batch, BatchResult, Failure } from './seeds.js';

export interface RunOptions {
  readonly from: number;
  readonly seeds: number;
  readonly wishes: LifeWishes;
  readonly workers: number;
  /** No further batches once so many seeds have failed; default 1. */
  readonly failures?: number;
  /** A hole that the workers open: the name of a mutation. */
  readonly mutation?: string;
  readonly signal?: AbortSignal;
  readonly progress?: (figures: Figures, failures: readonly Failure[]) => void;
}

/** Seeds that a worker gets at once: seconds of work, so that progress is seen. */
const BATCH_MS = 2000;
const BATCH_MAX = 50;

/** Lives many seeds in as many processes; what it finds is the same with any number of them. */
export async function runSeeds(options: RunOptions): Promise<BatchResult> {
  const { from, seeds, wishes, progress } = options;
  const figures = noFigures();
  const failures: Failure[] = [];
  let next = from;
  const end = from + seeds;
  const take = (): Batch | undefined => {
    const isOver = failures.length >= (options.failures ?? 1) || options.signal?.aborted === true;
    if (isOver || next >= end) return undefined;
    const perSeed = figures.cpuMs / Math.max(1, figures.lives);
    const wanted = figures.lives === 0 ? 1 : Math.floor(BATCH_MS / perSeed);
    const count = Math.max(1, Math.min(BATCH_MAX, wanted, end - next));
    next += count;
    return { from: next - count, count, wishes };
  };
  const work = async (): Promise<void> => {
    const child = fork(here('worker.js'), {
      execArgv: options.mutation === undefined ? [] : ['--import', here('mutations/plant.js')],
      env: { ...process.env, EDGETWIN_MUTATION: options.mutation },
    });
    try {
      for (let batch = take(); batch !== undefined; batch = take()) {
        const result = await answer(child, batch);
        addFigures(figures, result.figures);
        failures.push(...result.failures);
        progress?.(figures, failures);
      }
    } finally {
      child.kill();
    }
  };
  const workers = Math.max(1, Math.min(options.workers, seeds));
  await Promise.all(Array.from({ length: workers }, work));
  failures.sort((a, b) => a.seed - b.seed);
  return { figures, failures };
}

async function answer(child: ChildProcess, batch: Batch): Promise<BatchResult> {
  // It may have died since the last batch: then neither an answer nor an exit is to come.
  if (child.exitCode !== null || child.signalCode !== null) throw workerDied(child, batch);
  const stop = new AbortController();
  const { signal } = stop;
  const answered = once(child, 'message', { signal }) as Promise<[BatchResult]>;
  const died = once(child, 'exit', { signal }).then(() => {
    throw workerDied(child, batch);
  });
  died.catch(() => undefined);
  child.send(batch);
  try {
    const [result] = await Promise.race([answered, died]);
    return result;
  } finally {
    stop.abort();
  }
}

function workerDied({ exitCode, signalCode }: ChildProcess, { from, count }: Batch): EdgeError {
  return new EdgeError('EDGE_INTERNAL', `a worker died (${String(exitCode ?? signalCode)})`, {
    hint: `Replay the seeds from ${from} on: --from ${from} --seeds ${count} --workers 1.`,
  });
}

function here(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
