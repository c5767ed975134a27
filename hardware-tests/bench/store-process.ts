import { performance } from 'node:perf_hooks';
import { processUsage } from './process-figures.js';
import { bear, keyOf, twinRow, type LoadFigures, type StoreLoad } from './store-load.js';
import { SUBJECTS } from './store-subjects.js';

/** What one child process is asked to do with one store. */
export interface StoreTask {
  readonly subject: string;
  readonly folder: string;
  readonly peers: string;
  /** `load`: write, and be measured. `fill`: write so many rows. `open`: read them, ask twice. */
  readonly work:
    | { readonly kind: 'load'; readonly load: StoreLoad }
    | { readonly kind: 'fill'; readonly rows: number }
    | { readonly kind: 'open' };
}

export interface StoreAnswer extends Partial<LoadFigures> {
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly peakMb: number;
  readonly rows: number;
  readonly openMs: number;
  readonly firstAnswerMs?: number;
  readonly secondAnswerMs?: number;
}

const WARM_UP = 50;

async function main(task: StoreTask): Promise<void> {
  const kind = SUBJECTS.find(({ name }) => name === task.subject);
  if (kind === undefined) throw new Error(`no store ${task.subject}`);
  const start = performance.now();
  const store = await kind.open(task.folder, task.peers);
  const openMs = performance.now() - start;
  const put = (key: string, row: ReturnType<typeof twinRow>): Promise<void> => store.put(key, row);
  const { work } = task;
  let figures: Partial<StoreAnswer> = {};
  if (work.kind === 'load')
    for (let nth = 0; nth < WARM_UP; nth++) await put(keyOf(nth), twinRow(nth));
  await told();
  const before = processUsage(process.pid);
  if (work.kind === 'load') figures = await bear(work.load, put);
  if (work.kind === 'fill') await fill(put, work.rows);
  const usage = processUsage(process.pid);
  if (work.kind === 'open') {
    const firstAnswerMs = await timed(() => store.above(1_050));
    figures = { firstAnswerMs, secondAnswerMs: await timed(() => store.above(1_051)) };
  }
  const { rssMb, peakMb } = usage;
  const rows = store.rows();
  await store.close();
  process.send?.({ ...figures, openMs, cpuMs: usage.cpuMs - before.cpuMs, rssMb, peakMb, rows });
  process.disconnect();
}

/** Says that it is ready, and waits for the word: the parent reads the device's counter. */
function told(): Promise<void> {
  const word = new Promise<void>((resolve) => {
    process.once('message', () => {
      resolve();
    });
  });
  process.send?.('ready');
  return word;
}

async function fill(put: Parameters<typeof bear>[1], rows: number): Promise<void> {
  const some = 500;
  for (let from = 0; from < rows; from += some)
    await Promise.all(
      Array.from({ length: Math.min(some, rows - from) }, (_, index) =>
        put(keyOf(from + index, rows), twinRow(from + index)),
      ),
    );
}

async function timed(ask: () => Promise<number>): Promise<number> {
  const start = performance.now();
  if ((await ask()) <= 0) throw new Error('the answer is wrong');
  return performance.now() - start;
}

await main(JSON.parse(process.argv[2] ?? '{}') as StoreTask);
