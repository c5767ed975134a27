import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { seededRandom } from '#protocol/random.js';
import { Mutator } from './mutator.js';

/** One parser that bytes from outside reach. */
export interface FuzzTarget {
  readonly name: string;
  /** Rows of the scorecard and advisories that it answers. */
  readonly rows: string;
  readonly corpus: readonly Buffer[];
  /**
   * Takes anything. It may throw an EdgeError that blames its input, and nothing else; `false` says
   * that it found nothing sound in it.
   */
  readonly fuzz: (data: Buffer) => unknown;
  /** Inputs of a long run as a share of the others': of what is slow. */
  readonly share?: number;
}

export interface FuzzFigures {
  readonly inputs: number;
  /** Taken without an error: that mutations reach deep. */
  readonly taken: number;
  readonly refused: number;
  /** CPU of the slowest input. */
  readonly slowestMs: number;
  /** What the process grew by, in MiB. */
  readonly grownMiB: number;
}

/** A growth beyond it is a leak, or memory taken on the word of an input. */
export const GROWTH_MAX_MIB = 96;
/** Inputs in a turn of the event loop: what is freed between turns must not look like a leak. */
const TURN = 200;
/** CPU of one input, beyond which a peer could keep the program busy with it. */
const CPU_MAX_MS = 2_000;
const MIB = 1024 * 1024;

/** Throws EDGE_INTERNAL with seed and input for whatever breaks the target's promise. */
export async function fuzz(
  target: FuzzTarget,
  run: { readonly inputs: number; readonly seed: number; readonly clock: Clock },
): Promise<FuzzFigures> {
  const { inputs, seed, clock } = run;
  const mutator = new Mutator(seededRandom(seed), target.corpus);
  for (const sound of target.corpus) await tried(target, sound, seed);
  const before = process.memoryUsage.rss();
  let [taken, slowestMs] = [0, 0];
  for (let index = 0; index < inputs; index++) {
    if (index % TURN === 0) await new Promise<void>((go) => clock.setTimer('fuzz', 0, go));
    const data = mutator.next();
    const startUs = process.cpuUsage().user;
    if (await tried(target, data, seed)) taken++;
    const tookMs = (process.cpuUsage().user - startUs) / 1_000;
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > CPU_MAX_MS) throw failure(target, seed, `took ${tookMs} ms`, data);
  }
  if (Reflect.get({}, 'x') !== undefined || Reflect.get({}, 'polluted') !== undefined)
    throw new EdgeError('EDGE_INTERNAL', `${target.name}: the prototype of objects was changed`);
  const grownMiB = Math.round((process.memoryUsage.rss() - before) / MIB);
  return { inputs, taken, refused: inputs - taken, slowestMs: Math.round(slowestMs), grownMiB };
}

/** True when the input was taken. */
async function tried({ name, fuzz: take }: FuzzTarget, data: Buffer, seed: number) {
  const copy = Buffer.from(data);
  try {
    const result = take(data);
    return (result instanceof Promise ? ((await result) as unknown) : result) !== false;
  } catch (thrown) {
    if (thrown instanceof EdgeError && thrown.code !== 'EDGE_INTERNAL') return false;
    throw failure({ name }, seed, String(thrown), copy, thrown);
  }
}

function failure(
  { name }: Pick<FuzzTarget, 'name'>,
  seed: number,
  what: string,
  data: Buffer,
  cause?: unknown,
): EdgeError {
  const hex = data.subarray(0, 2_048).toString('hex');
  const message = `${name}, seed ${seed}: ${what} for ${hex} (${data.length} bytes)`;
  return new EdgeError('EDGE_INTERNAL', message, { cause });
}
