import { whyNoLink } from '../linkem/emulated-link.js';
import type { BenchOptions, BenchResult } from './table.js';
import { blackouts, bulk, transfers } from './tunnel/bulk.js';
import { cost } from './tunnel/cost.js';
import { fairness, harm, overload } from './tunnel/fairness.js';
import { connections } from './tunnel/idle-load.js';
import { connects, dead, moves } from './tunnel/life.js';
import { echo, messages } from './tunnel/messages.js';
import { outages } from './tunnel/outages.js';
import { Plan, sizeOf, type Part } from './tunnel/plan.js';
import { drawPlots, report } from './tunnel/report.js';
import { memory } from './tunnel/memory.js';

/** In the order of the goals; what is left out needs no link. */
const PARTS: Readonly<Record<string, Part>> = {
  ...{ messages, echo },
  ...{ bulk, transfers },
  ...{ fairness, harm, overload },
  ...{ connects, moves, dead, blackouts, outages },
  ...{ cost, connections, memory },
};
const WITHOUT_LINK = new Set(['connections', 'memory', 'outages']);

/** The coded transport on emulated links between real sockets, its peers in the same run. */
export async function run(options: BenchOptions): Promise<readonly BenchResult[]> {
  const asked = options.part?.split(',') ?? Object.keys(PARTS);
  const missing = whyNoLink();
  const results: BenchResult[] = [];
  for (const name of asked) {
    const part = PARTS[name];
    if (part === undefined)
      throw new Error(`no part ${name}; there are ${Object.keys(PARTS).join(', ')}`);
    if (missing !== undefined && !WITHOUT_LINK.has(name)) {
      results.push({ title: `tunnel ${name}`, rows: [], notes: [`skipped: needs ${missing}`] });
      continue;
    }
    results.push(...(await runPart(name, part, options)));
  }
  return results;
}

async function runPart(
  name: string,
  part: Part,
  options: BenchOptions,
): Promise<readonly BenchResult[]> {
  const start = performance.now();
  const say = (text: string): void => void process.stderr.write(`${name}: ${text}\n`);
  const plan = new Plan(sizeOf(options), say);
  const { tables, plots = {} } = await part(plan);
  const took = (performance.now() - start) / 1_000;
  say(`done in ${took.toFixed(0)} s`);
  const last = tables.length - 1;
  const health = plan.health.text;
  const results = tables.map((table, index) =>
    index < last || health === undefined
      ? table
      : { ...table, notes: [...(table.notes ?? []), health] },
  );
  if (options.plot !== undefined) drawPlots(options.plot, plots);
  if (options.report !== undefined)
    report(options.report, Object.keys(PARTS), {
      ...{ part: name, tables: results, plots },
      ...{ seconds: Math.round(took), seeds: plan.size.seeds.length, quick: plan.size.quick },
      long: plan.size.long,
    });
  return results;
}
