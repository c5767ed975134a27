import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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
  /** Where the garbage of a sound input alone takes more than GROWTH_MAX_MIB before it is collected. */
  readonly growthMaxMiB?: number;
  /** Inputs as a share of the others' unless a number is asked for: of what is slow. */
  readonly share?: number;
}

export interface FuzzFigures {
  readonly inputs: number;
  /** Taken without an error: that mutations reach deep. */
  readonly taken: number;
  readonly refused: number;
  /** CPU of the slowest turn of 200 inputs: to ask for each would cost more than most take. */
  readonly slowestMs: number;
  /** What the process grew by, and what of it is in use after a collection, in MiB. */
  readonly grownMiB: number;
  readonly keptMiB: number;
  /** CPU of all inputs, each. */
  readonly meanUs: number;
}

/** A growth beyond it is memory taken on the word of an input; what is kept beyond, a leak. */
export const GROWTH_MAX_MIB = 96;
export const KEPT_MAX_MIB = 8;
/** Inputs in a turn of the event loop: what is freed between turns must not look like a leak. */
const TURN = 200;
/** CPU of a turn, beyond which a peer could keep the program busy with one input of it. */
const CPU_MAX_MS = 2_000;
const MIB = 1024 * 1024;

/** Throws EDGE_INTERNAL with seed and input for whatever breaks the target's promise. */
export async function fuzz(
  target: FuzzTarget,
  run: { readonly inputs: number; readonly seed: number; readonly clock: Clock },
): Promise<FuzzFigures> {
  const { stackTraceLimit } = Error;
  // Nine inputs of ten end in an error, and to walk the stack is most of what an error costs.
  Error.stackTraceLimit = 0;
  try {
    return await runs(target, run);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function runs(
  target: FuzzTarget,
  { inputs, seed, clock }: Parameters<typeof fuzz>[1],
): Promise<FuzzFigures> {
  const mutator = new Mutator(seededRandom(seed), target.corpus);
  for (const sound of target.corpus) await tried(target, sound, seed);
  const [before, keptBefore] = [process.memoryUsage.rss(), heapInUse()];
  const startUs = cpuUs();
  let [taken, slowestUs, atUs] = [0, 0, startUs];
  for (let index = 0; index < inputs;) {
    await new Promise<void>((go) => clock.setTimer('fuzz', 0, go));
    let longest: { data: Buffer; ms: number } = { data: Buffer.alloc(0), ms: 0 };
    for (const end = Math.min(index + TURN, inputs); index < end; index++) {
      const data = mutator.next();
      const startMs = clock.now();
      if (await tried(target, data, seed)) taken++;
      const ms = clock.now() - startMs;
      if (ms > longest.ms) longest = { data, ms };
    }
    const nowUs = cpuUs();
    const tookUs = nowUs - atUs;
    atUs = nowUs;
    slowestUs = Math.max(slowestUs, tookUs);
    if (tookUs > CPU_MAX_MS * 1_000)
      throw failure(target, seed, `a turn took ${tookUs} us, most of it`, longest.data);
  }
  if (Reflect.get({}, 'x') !== undefined || Reflect.get({}, 'polluted') !== undefined)
    throw new EdgeError('EDGE_INTERNAL', `${target.name}: the prototype of objects was changed`);
  return {
    ...{ inputs, taken, refused: inputs - taken, slowestMs: Math.round(slowestUs / 1_000) },
    grownMiB: Math.round((process.memoryUsage.rss() - before) / MIB),
    keptMiB: await keptSince(keptBefore, clock),
    meanUs: Math.round((atUs - startUs) / inputs),
  };
}

/** The collector that V8 hides. */
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapInUse(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What streams of the last inputs hold is given back a few turns later. */
async function keptSince(before: number, clock: Clock): Promise<number> {
  let keptMiB = Infinity;
  for (let look = 0; look < 100 && keptMiB >= KEPT_MAX_MIB; look++) {
    await new Promise<void>((go) => clock.setTimer('fuzz', look, go));
    keptMiB = Math.round((heapInUse() - before) / MIB);
  }
  return keptMiB;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** True when the input was taken. */
async function tried({ name, fuzz: take }: FuzzTarget, data: Buffer, seed: number) {
  const copy = Buffer.from(data);
  try {
    const result = take(data);
    return (result instanceof Promise ? ((await result) as unknown) : result) !== false;
  } catch (thrown) {
    if (thrown instanceof EdgeError && thrown.code !== 'EDGE_INTERNAL') return false;
    // Once more, for where it happened.
    Error.stackTraceLimit = 30;
    const again = await Promise.resolve(copy)
      .then(take)
      .catch((error: unknown) => error);
    throw failure({ name }, seed, String(thrown), copy, again ?? thrown);
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
