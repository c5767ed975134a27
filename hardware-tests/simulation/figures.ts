import type { LifeResult } from './life.js';

/** What many lives add up to. */
export interface Figures {
  lives: number;
  gatewayDays: number;
  cpuMs: number;
  turns: number;
  slowestSettledMs: number;
  /** By kind: actions of storms, and what struck messages. */
  readonly faults: Record<string, number>;
  /** By kind: how often something was judged. */
  readonly checks: Record<string, number>;
}

const DAY_MS = 86_400_000;

export function noFigures(): Figures {
  return {
    ...{ lives: 0, gatewayDays: 0, cpuMs: 0, turns: 0, slowestSettledMs: 0 },
    faults: {},
    checks: {},
  };
}

export function addLife(figures: Figures, life: LifeResult, cpuMs: number): void {
  figures.lives++;
  figures.gatewayDays += (life.virtualMs * life.options.gateways) / DAY_MS;
  figures.cpuMs += cpuMs;
  figures.turns += life.turns;
  figures.slowestSettledMs = Math.max(figures.slowestSettledMs, life.settledMs);
  addCounts(figures.faults, life.faults);
  addCounts(figures.checks, life.checks);
}

export function addFigures(sum: Figures, more: Figures): void {
  sum.lives += more.lives;
  sum.gatewayDays += more.gatewayDays;
  sum.cpuMs += more.cpuMs;
  sum.turns += more.turns;
  sum.slowestSettledMs = Math.max(sum.slowestSettledMs, more.slowestSettledMs);
  addCounts(sum.faults, more.faults);
  addCounts(sum.checks, more.checks);
}

/** Gateway-days of simulated time per minute of one core. */
export function daysPerCpuMinute({ gatewayDays, cpuMs }: Figures): number {
  return gatewayDays / (cpuMs / 60_000);
}

export function figuresText(figures: Figures): string {
  const { lives, gatewayDays, cpuMs, turns, slowestSettledMs, faults, checks } = figures;
  return [
    `seeds          ${lives}`,
    `gateway-days   ${gatewayDays.toFixed(1)}`,
    `per CPU minute ${daysPerCpuMinute(figures).toFixed(1)} gateway-days (${(cpuMs / 60_000).toFixed(1)} CPU minutes, ${(cpuMs / Math.max(1, lives)).toFixed(0)} ms a seed)`,
    `turns          ${turns}, watched one by one`,
    `agreement      within ${(slowestSettledMs / 1000).toFixed(0)} s of calm at the slowest`,
    `faults         ${countsText(faults)}`,
    `checks         ${countsText(checks)}`,
  ].join('\n');
}

function addCounts(sum: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}

function countsText(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => `${name} ${count}`).join(', ');
}
