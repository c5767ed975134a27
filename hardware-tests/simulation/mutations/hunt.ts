import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { EdgeError } from '#protocol/errors.js';
import { runSeeds } from '../runner.js';
import { MUTATIONS } from './all.js';
import type { Mutation } from './mutation.js';

export interface HuntOptions {
  /** At most so many lives for each. */
  readonly seeds: number;
  readonly from: number;
  readonly workers: number;
  readonly signal?: AbortSignal;
}

export interface Hunt {
  readonly name: string;
  readonly what: string;
  /** Lives until the first breach; absent: none was noticed. */
  readonly seeds?: number;
  readonly seed?: number;
  /** The breach. */
  readonly breach?: string;
  /** The script that failed. */
  readonly script?: string;
  readonly unreachable?: string;
  readonly cpuMs: number;
}

/** Lives with the hole open, until a checker notices; then its scripts. */
export async function huntMutation(mutation: Mutation, options: HuntOptions): Promise<Hunt> {
  const { name, what, unreachable, wishes = {} } = mutation;
  const { figures, failures } = await runSeeds({ ...options, wishes, mutation: name });
  const [first] = failures;
  const why = unreachable === undefined ? {} : { unreachable };
  const hunt = { ...{ name, what, cpuMs: Math.round(figures.cpuMs) }, ...why };
  if (first !== undefined) {
    const breach = (first.text.split('\n')[0] ?? '').replace(/^seed \d+: /, '').slice(0, 160);
    return { ...hunt, seeds: first.seed - options.from + 1, seed: first.seed, breach };
  }
  const script = mutation.script === undefined ? undefined : await failingScript(mutation);
  return script === undefined ? hunt : { ...hunt, script };
}

/** Plays the mutation's file of scripts with the hole open: the title of the first that fails. */
async function failingScript({ name, script = '' }: Mutation): Promise<string | undefined> {
  const planted = fileURLToPath(new URL('plant.js', import.meta.url));
  const cli = fileURLToPath(new URL('cli.mjs', import.meta.resolve('ava')));
  const child = spawn(
    process.execPath,
    [cli, '--tap', `dist/hardware-tests/simulation/${script}.test.js`],
    {
      cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
      env: { ...process.env, EDGETWIN_MUTATION: name, NODE_OPTIONS: `--import ${planted}` },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  const out = await text(child.stdout);
  return /^not ok \d+ - (.*)$/m.exec(out)?.[1];
}

/** Noticed, or there is a reason why it cannot be. */
export function isAsExpected({ seeds, script, unreachable }: Hunt): boolean {
  const isFound = seeds !== undefined || script !== undefined;
  return isFound === (unreachable === undefined);
}

export function huntText({ name, what, seeds, breach, script, unreachable }: Hunt): string {
  const byScript = script === undefined ? 'NOT NOTICED' : 'by a script';
  const found = seeds === undefined ? byScript : `after ${seeds} seeds`;
  const why = unreachable === undefined ? '' : ` (${unreachable})`;
  const shown = breach ?? script;
  return `${name.padEnd(5)} ${found.padEnd(16)} ${what}${why}${shown === undefined ? '' : `\n      ${shown}`}`;
}

/** `all`, or names separated by commas; `H14` takes H14b as well. Throws EDGE_USAGE. */
export function chosenMutations(names: string): readonly Mutation[] {
  if (names === 'all') return MUTATIONS;
  return names.split(',').flatMap((wanted) => {
    const found = MUTATIONS.filter(
      ({ name }) => name.replace(/[a-z]$/, '') === wanted || name === wanted,
    );
    if (found.length > 0) return found;
    throw new EdgeError('EDGE_USAGE', `no mutation ${wanted}`, {
      hint: `There are ${MUTATIONS.map(({ name }) => name).join(', ')}.`,
    });
  });
}
