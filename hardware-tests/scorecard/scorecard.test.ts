import { readFileSync } from 'node:fs';
import test from 'ava';
import { ROOT } from '../release/lockfile.js';
import { GROUPS } from './rows.js';
import { parseTap } from './run.js';
import { isNamed, isOf, readTitles, titlesOfRow } from './titles.js';

const rows = GROUPS.flatMap((group) => group.rows);
const titles = readTitles();
const text = readFileSync(`${ROOT}docs/security-scorecard.md`, 'utf8');

test('the scorecard has every row, none failed, and every test that it names is there', (t) => {
  for (const { id } of rows) t.true(text.includes(`\n| ${id} | `), id);
  t.false(text.includes('failed**'));
  const named = [...text.matchAll(/`([\w/.-]+)`: (.*?)(?=<br>| \| )/g)];
  t.true(named.length > 50);
  for (const [, file, title = ''] of named)
    t.true(
      titles.some((one) => one.file === file && one.title === title.replaceAll('\\|', '|')),
      `${file}: ${title} is not there any more: npm run scorecard`,
    );
});

test('every test that a row asks for by name is there', (t) => {
  for (const row of rows) {
    for (const [file, start] of row.also ?? [])
      t.true(
        titles.some((one) => one.file === file && isNamed(one.title, start)),
        `${row.id}: ${file} has no test that begins with “${start}”`,
      );
    t.true(row.absent === undefined || titlesOfRow(row, titles).length === 0, row.id);
  }
});

test('titles made of parts and results are read', (t) => {
  t.true(isOf('a ${b} c', 'a (x) c'));
  t.false(isOf('a ${b} c', 'a x d'));
  t.deepEqual(parseTap('TAP version 13\nok 1 - a\n#   5 ms\nnot ok 2 - b\n  ---\n'), [
    { title: 'a', passed: true, figures: ['5 ms'] },
    { title: 'b', passed: false, figures: [] },
  ]);
});
