/** `npm run scorecard [-- --long]`: docs/security-scorecard.md from a run of the tests it names. */
import { writeFileSync } from 'node:fs';
import { ROOT } from '../release/lockfile.js';
import { page } from './page.js';
import { GROUPS } from './rows.js';
import { runFile } from './run.js';
import type { Ended } from './run.js';
import { readTitles, titlesOfRow } from './titles.js';

const titles = readTitles();
const isLong = process.argv.includes('--long');
const named = GROUPS.flatMap(({ rows }) => rows.flatMap((row) => titlesOfRow(row, titles)));
const files = [...new Set(named.map(({ file }) => file))].sort();
const results = new Map<string, readonly Ended[]>();
for (const file of files) {
  if (file.endsWith('.long') && !isLong) continue;
  const ended = runFile(file);
  results.set(file, ended);
  const failed = ended.filter(({ passed }) => !passed).length;
  process.stdout.write(`${file}: ${ended.length - failed} passed, ${failed} failed\n`);
}
writeFileSync(`${ROOT}docs/security-scorecard.md`, page(titles, results));
