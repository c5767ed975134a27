import { GROUPS } from './rows.js';
import type { Row } from './rows.js';
import type { Ended } from './run.js';
import { isOf, titlesOfRow } from './titles.js';
import type { Titled } from './titles.js';

/** How the tests of each file ended; a file that was not run is absent. */
export type Results = ReadonlyMap<string, readonly Ended[]>;

/** Figures that fit into a cell. */
const FIGURE_LENGTH = 240;

/** docs/security-scorecard.md. */
export function page(titles: readonly Titled[], results: Results): string {
  return [
    '# Security scorecard',
    '',
    'Made by `npm run scorecard`, which runs the tests named here and writes down how they ended; with `--long` those',
    'of `npm run test:long` too. A test holds the names against the sources. [threat-model.md](threat-model.md) says',
    'who the attackers are.',
    ...GROUPS.flatMap(({ title, rows }) => [
      ...['', `## ${title}`, ''],
      '| row | input | has to end | shown by | ended | figures |',
      '| --- | --- | --- | --- | --- | --- |',
      ...rows.map((row) => lineOf(row, titlesOfRow(row, titles), results)),
    ]),
    '',
  ].join('\n');
}

function lineOf(row: Row, titles: readonly Titled[], results: Results): string {
  const ended = titles.flatMap(({ file, title }) =>
    (results.get(file) ?? []).filter((one) => isOf(title, one.title)),
  );
  const notRun = titles.filter(({ file }) => !results.has(file)).length;
  const shown = titles.map(({ file, title }) => `\`${file}\`: ${title}`).join('<br>');
  const figures = [...new Set(ended.flatMap((one) => one.figures))].join('; ');
  const cells = [
    row.id,
    row.input,
    row.ends,
    titles.length === 0 ? `no test${row.absent === undefined ? '' : `: ${row.absent}`}` : shown,
    titles.length === 0 ? '' : stateOf(ended, notRun),
    figures.slice(0, FIGURE_LENGTH),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function stateOf(ended: readonly Ended[], notRun: number): string {
  const failed = ended.filter(({ passed }) => !passed).length;
  const skipped = ended.filter(({ figures }) => figures.some((one) => one.startsWith('skipped')));
  return [
    failed > 0 ? `**${failed} failed**` : '',
    ended.length - failed > 0 ? `${ended.length - failed} passed` : '',
    skipped.length > 0 ? `${skipped.length} skipped` : '',
    notRun > 0 ? `${notRun} in the long run` : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
}
