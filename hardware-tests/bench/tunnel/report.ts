import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchResult } from '../table.js';
import type { PartResult } from './plan.js';
import { drawPlot } from './plot.js';

const FIGURES = 'tunnel-figures.json';
const PAGE = 'tunnel-measured.md';

interface Measured extends Required<PartResult> {
  readonly part: string;
  readonly tables: readonly BenchResult[];
  readonly seconds: number;
  readonly seeds: number;
  readonly quick: boolean;
  readonly long: boolean;
}

/** What was measured last, by part. */
type Figures = Record<string, Omit<Measured, 'part' | 'plots'>>;

/**
 * Writes a part's figures into FOLDER/tunnel-figures.json beside those of the other parts, their
 * plots into FOLDER/images, and the page FOLDER/tunnel-measured.md of all of them anew.
 */
export function report(folder: string, order: readonly string[], measured: Measured): void {
  const { part, plots, ...figures } = measured;
  mkdirSync(folder, { recursive: true });
  drawPlots(join(folder, 'images'), plots);
  const file = join(folder, FIGURES);
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Figures) : {};
  const all: Figures = { ...known, [part]: figures };
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`);
  writeFileSync(join(folder, PAGE), pageOf(all, order));
}

export function drawPlots(folder: string, plots: Measured['plots']): void {
  const all = Object.entries(plots);
  if (all.length === 0) return;
  mkdirSync(folder, { recursive: true });
  for (const [name, plot] of all) writeFileSync(join(folder, name), drawPlot(plot));
}

function pageOf(figures: Figures, order: readonly string[]): string {
  const parts = order.flatMap((part) => {
    const measured = figures[part];
    if (measured === undefined) return [];
    const { tables, seconds, seeds, quick, long } = measured;
    const more = `${quick ? '--quick' : `--seeds ${seeds}`}${long ? ' --long' : ''}`;
    return [
      `## ${part}`,
      `\`npm run bench -- tunnel --part ${part} ${more}\`, ${seconds} s.`,
      ...tables.map(tableOf),
    ];
  });
  const head = [
    '# The tunnel, measured',
    'Written by `npm run bench -- tunnel --report docs`: do not edit. [tunnel.md](tunnel.md) says what it means. An empty "missed" is a goal that is met, or a peer that has none.',
  ];
  return `${[...head, ...parts].join('\n\n')}\n`;
}

function tableOf({ title, rows, notes = [] }: BenchResult): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const table = [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => cellOf(row[column] ?? '')))),
  ].join('\n');
  return [`### ${title}`, table, ...notes].join('\n\n');
}

function cellOf(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? `${value}` : value.toFixed(2);
}
