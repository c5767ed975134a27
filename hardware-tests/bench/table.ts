/** What a benchmark returns: a table, its peer measured in the same run, and notes for people. */
export interface BenchResult {
  readonly title: string;
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly notes?: readonly string[];
}

/** What the command line says to every benchmark. */
export interface BenchOptions {
  /** A folder with `node_modules` of alternatives that the project does not depend on. */
  readonly peers?: string;
  /** One part of a benchmark of several, and how many seeds it may take. */
  readonly part?: string;
  readonly seeds?: number;
  /** A folder that plots (SVG) are written to. */
  readonly plot?: string;
  /** A folder that figures (JSON), a page of tables and plots are written to. */
  readonly report?: string;
  /** How many things are measured at once, where that is open. */
  readonly links?: number;
  /** What takes minutes by itself as well. */
  readonly long?: boolean;
  /** A tenth of the work: shows that it runs, not how fast. */
  readonly quick?: boolean;
}

/** Columns as wide as their widest cell; numbers with at most two decimals, to the right. */
export function formatTable(rows: BenchResult['rows']): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => formatCell(row[column] ?? '')));
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...cells.map((line) => line[index]?.length ?? 0)),
  );
  const numeric = columns.map((column) => rows.every((row) => typeof row[column] !== 'string'));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) =>
        numeric[index] === true
          ? text.padStart(widths[index] ?? 0)
          : text.padEnd(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join(
    '\n',
  );
}

function formatCell(value: string | number): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
