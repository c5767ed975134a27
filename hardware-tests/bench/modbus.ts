import type { BenchOptions, BenchResult } from './table.js';

const PARTS: Readonly<Record<string, (quick: boolean) => Promise<readonly BenchResult[]>>> = {
  line: async (quick) => (await import('./modbus-line.js')).onALine(quick),
  paced: async (quick) => (await import('./modbus-paced.js')).onPacedLines(quick),
  tcp: async (quick) => (await import('./modbus-tcp.js')).onTcp(quick),
  fleet: async (quick) => (await import('./modbus-tcp.js')).fleet(quick),
  memory: async (quick) => (await import('./modbus-memory.js')).overTime(quick),
};

/** CPU of a transaction, the wire-time limit, many devices on TCP, and what a long run leaves behind. */
export async function run({ quick, part }: BenchOptions): Promise<readonly BenchResult[]> {
  const results: BenchResult[] = [];
  for (const [name, measure] of Object.entries(PARTS))
    if (part === undefined || part === name) results.push(...(await measure(quick === true)));
  return results;
}
