import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { MemoryRow } from './modbus-memory-process.js';
import type { BenchResult } from './table.js';

const PROCESS = fileURLToPath(new URL('modbus-memory-process.js', import.meta.url));
/** As the gateway runs: without it the young generation takes 30 MB and more of its own accord. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=1'];

/** What many reads leave behind, and many that nobody answers: in a process of its own. */
export async function overTime(quick: boolean): Promise<readonly BenchResult[]> {
  const child = fork(PROCESS, [quick ? 'quick' : 'full'], { execArgv: FLAGS });
  const [rows] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error('it ended without an answer');
    }),
  ])) as [MemoryRow[]];
  const middle = rows.filter(({ what }) => what === 'read').slice(1);
  const grown = (by: 'rssMB' | 'heapMB'): number =>
    Number(middle.at(-1)?.[by]) - Number(middle.at(0)?.[by]);
  return [
    {
      title: 'Memory over many transactions',
      rows: rows.map((row) => ({ ...row })),
      notes: [
        `From a fifth of the reads to the last: ${grown('rssMB').toFixed(1)} MB of RSS, ${grown('heapMB').toFixed(2)} MB of heap.`,
        'refused: nobody listens; silent: the connection stands and nothing is ever answered.',
        `In a process with the gateway's own flag ${FLAGS[1]}.`,
      ],
    },
  ];
}
