import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What the search of one variant of a model has to find, as the model's header says. */
export interface Variant {
  /** `clean`: no error; `caught`: a planted bug is found; `limit`: what no rule can do is found. */
  readonly expect: 'clean' | 'caught' | 'limit';
  readonly defines: readonly string[];
  /** For `clean`: how many states there are. */
  readonly states: number;
  readonly note: string;
}

export interface Model {
  readonly name: string;
  readonly source: string;
  /** Checked with its temporal formula and weak fairness, not for assertions alone. */
  readonly liveness: boolean;
  readonly variants: readonly Variant[];
}

export interface Search {
  readonly errors: number;
  readonly states: number;
  /** The whole state space was seen, unless an error ended the search. */
  readonly exhaustive: boolean;
}

/** Far above the depth of any model here; deeper paths would be reported as truncated. */
const DEPTH = 100_000;
const LINE = /^ \* (clean|caught|limit)([A-Z0-9_= ]*): (.+)$/;

/** Reads a model and the variants that its header promises. */
export async function readModel(name: string): Promise<Model> {
  const file = new URL(`../../../hardware-tests/models/${name}.pml`, import.meta.url);
  const source = await readFile(file, 'utf8');
  const header = source.slice(0, source.indexOf('*/')).split('\n');
  const variants = header.flatMap((line): Variant[] => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [, expect = '', defines = '', note = ''] = match;
    return [
      {
        expect: expect as Variant['expect'],
        defines: defines.split(' ').filter((define) => define !== ''),
        states: expect === 'clean' ? Number.parseInt(note, 10) : 0,
        note,
      },
    ];
  });
  return { name, source, liveness: header.includes(' * liveness'), variants };
}

/** Searches every state of a variant, or until the first error, with spin and gcc. */
export async function search(
  { source, liveness }: Model,
  defines: readonly string[],
): Promise<Search> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-spin-'));
  try {
    const options = { cwd: folder, maxBuffer: 1 << 22 };
    await writeFile(join(folder, 'model.pml'), source);
    await run('spin', ['-a', ...defines.map((define) => `-D${define}`), 'model.pml'], options);
    const kind = liveness ? '-DNFAIR=3' : '-DSAFETY';
    const compile = ['-O1', '-w', kind, '-DCOLLAPSE', '-DVECTORSZ=2048', '-o', 'pan', 'pan.c'];
    await run('gcc', compile, options);
    const flags = [`-m${DEPTH}`, '-w24', ...(liveness ? ['-a', '-f'] : [])];
    const { stdout } = await run(join(folder, 'pan'), flags, options);
    return {
      errors: Number(/errors: (\d+)/.exec(stdout)?.[1] ?? NaN),
      states: Number(/(\d+) states, stored/.exec(stdout)?.[1] ?? NaN),
      exhaustive: !/truncated|search depth too small|out of memory|Search not completed/.test(
        stdout,
      ),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
