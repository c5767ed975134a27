import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MemoryRow } from './modbus-memory-process.js';
import type { BenchResult } from './table.js';

const PROCESS = fileURLToPath(new URL('modbus-memory-process.js', import.meta.url));
/** As the gateway runs: without it the young generation takes 30 MB and more of its own accord. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1'];

/** Megabytes of heap that collections may leave or not; a leak of ten bytes a transaction is more. */
const FLAT_MB = 1;

/** What many reads leave behind, and many that nobody answers: in a process of its own. */
export async function overTime(quick: boolean): Promise<readonly BenchResult[]> {
  const child = fork(PROCESS, [quick ? 'quick' : 'full'], { execArgv: FLAGS });
  const [rows] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new TypeError('it ended without an answer');
    }),
  ])) as [MemoryRow[]];
  const whats = [...new Set(rows.map(({ what }) => what))];
  return [
    { title: 'Memory over many transactions', rows: rows.map((row) => ({ ...row })) },
    {
      title: 'What they leave behind, from a fifth of them to the last',
      rows: whats.map((what) => grown(rows.filter((row) => row.what === what).slice(1))),
      notes: [
        'refused: nobody listens; silent: the connection or the line is there and nothing is ever answered.',
        `In a process with the gateway's own flag ${FLAGS[1]}.`,
      ],
    },
  ];
}

function grown(rows: readonly MemoryRow[]): BenchResult['rows'][number] {
  const [first, last] = [rows.at(0), rows.at(-1)];
  if (first === undefined || last === undefined) throw new TypeError('nothing was measured');
  const heapMB = last.heapMB - first.heapMB;
  return {
    what: last.what,
    transactions: last.transactions,
    rssMB: last.rssMB - first.rssMB,
    heapMB,
    budget: `heap <= ${FLAT_MB}`,
    met: heapMB <= FLAT_MB ? 'yes' : 'NO',
  };
}
