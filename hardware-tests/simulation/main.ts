import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { EdgeError } from '#protocol/errors.js';
import { errorText, exitCodeOf } from '#protocol/command-line/exit-code.js';
import { daysPerCpuMinute, figuresText } from './figures.js';
import type { Figures } from './figures.js';
import { runLife } from './life.js';
import { chosenMutations, huntMutation, huntText, isAsExpected } from './mutations/hunt.js';
import type { HuntOptions } from './mutations/hunt.js';
import { FAULTS, parseFaults } from './options.js';
import type { LifeWishes } from './options.js';
import { runSeeds } from './runner.js';

const HELP = `npm run simulate -- [--seeds N] [--from SEED] [--gateways N] [--days N] [--faults LIST]
                    [--workers N] [--json]
npm run simulate -- --replay SEED [--gateways N] [--days N] [--faults LIST]
npm run simulate -- --mutations [H6,...] [--seeds N]
Lives gateways and a hub through storms of faults, each life from a seed, and checks what they
promise after every turn. Exit 0: no breach. Exit 1: the breach, its seed and its last events.
  --seeds N      how many lives, default 100
  --from SEED    the first seed, default 1
  --gateways N   in every life; default one to three, by the seed
  --days N       of virtual time in every life; default a storm of minutes
  --faults LIST  all (default), none, or some of the faults below, separated by commas
  --workers N    processes, default one a core
  --replay SEED  lives this seed again and prints all that happens in the end
  --mutations    opens the holes of docs/sync-protocol.md section 7 again, one at a time, and says
                 how many seeds it takes to notice; default all of them, 1000 seeds at most
  --json         figures and breaches as one JSON object
Faults:
${Object.entries(FAULTS)
  .map(([name, about]) => `  ${name.padEnd(16)} ${about}`)
  .join('\n')}`;

const PROGRESS_MS = 5000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: withDefault(process.argv.slice(2), 'mutations', 'all'),
    options: {
      mutations: { type: 'string' },
      ...{ seeds: { type: 'string' }, from: { type: 'string' }, replay: { type: 'string' } },
      ...{ gateways: { type: 'string' }, days: { type: 'string' }, faults: { type: 'string' } },
      ...{ workers: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
    },
  });
  if (values.help === true) return print(HELP, 0);
  const wishes: LifeWishes = {
    gateways: number('gateways', values.gateways, { min: 1, max: 1000 }),
    days: number('days', values.days, { min: 0, max: 3650, fraction: true }),
    faults: values.faults === undefined ? undefined : parseFaults(values.faults),
  };
  const replay = number('replay', values.replay, { min: 0 });
  if (replay !== undefined) return replaySeed(replay, wishes);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const from = number('from', values.from, { min: 0 }) ?? 1;
  const workers = number('workers', values.workers, { min: 1, max: 256 }) ?? availableParallelism();
  const asked = number('seeds', values.seeds, { min: 1 });
  if (values.mutations !== undefined) {
    const { signal } = stop;
    const options = { seeds: asked ?? 1000, from, workers, signal };
    return mutate(values.mutations, options, values.json === true);
  }
  const seeds = asked ?? 100;
  const startMs = performance.now();
  let shownMs = startMs;
  const { figures, failures } = await runSeeds({
    ...{ seeds, wishes, from, workers, signal: stop.signal },
    progress: (now) => {
      if (performance.now() - shownMs < PROGRESS_MS) return;
      shownMs = performance.now();
      process.stderr.write(`${progressText(now, seeds, shownMs - startMs)}\n`);
    },
  });
  if (values.json === true)
    print(JSON.stringify({ ...figures, daysPerCpuMinute: daysPerCpuMinute(figures), failures }), 0);
  else {
    for (const { text } of failures) print(`${text}\n`, 1);
    print(figuresText(figures), 0);
    print(failures.length === 0 ? 'no breach' : `${failures.length} breaches`, 0);
  }
  return failures.length === 0 ? 0 : 1;
}

async function mutate(names: string, options: HuntOptions, json: boolean): Promise<number> {
  let missed = 0;
  for (const mutation of chosenMutations(names)) {
    const hunt = await huntMutation(mutation, options);
    if (!isAsExpected(hunt)) missed++;
    print(json ? JSON.stringify(hunt) : huntText(hunt), 0);
  }
  return print(
    missed === 0 ? 'every hole is noticed' : `${missed} are not noticed`,
    missed > 0 ? 1 : 0,
  );
}

async function replaySeed(seed: number, wishes: LifeWishes): Promise<number> {
  const life = await runLife(seed, wishes, true);
  return print(JSON.stringify(life, undefined, 2), 0);
}

function progressText({ lives, gatewayDays }: Figures, seeds: number, ms: number): string {
  const leftS = ((ms / 1000) * (seeds - lives)) / Math.max(1, lives);
  return `${lives} of ${seeds} seeds, ${gatewayDays.toFixed(1)} gateway-days, ${leftS.toFixed(0)} s left`;
}

/** `--flag` without a value gets one. */
function withDefault(argv: readonly string[], flag: string, value: string): string[] {
  return argv.flatMap((word, index) => {
    const next = argv[index + 1];
    const isBare = word === `--${flag}` && (next === undefined || next.startsWith('--'));
    return isBare ? [word, value] : [word];
  });
}

function number(
  name: string,
  text: string | undefined,
  { min, max = 2 ** 31, fraction = false }: { min: number; max?: number; fraction?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== '' && value >= min && value <= max && (fraction || Number.isInteger(value)))
    return value;
  throw new EdgeError('EDGE_USAGE', `--${name} ${text}`, {
    hint: `It takes a number from ${min} to ${max}.`,
  });
}

function print(text: string, code: number): number {
  process.stdout.write(`${text}\n`);
  return code;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  const isUsage = thrown instanceof TypeError && 'code' in thrown;
  const error = isUsage ? new EdgeError('EDGE_USAGE', thrown.message) : EdgeError.from(thrown);
  process.stderr.write(errorText(error, process.argv.includes('--json')));
  process.exitCode = exitCodeOf(error);
}
