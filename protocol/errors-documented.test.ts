import { readFileSync } from 'node:fs';
import test from 'ava';
import { ERROR_CODES } from './errors.js';

test('docs/errors.md has one section for each code, in the order of the table, with what to do', (t) => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const sections = text.split(/^## /m).slice(1);
  t.deepEqual(
    sections.map((section) => section.split('\n')[0]),
    Object.keys(ERROR_CODES),
  );
  for (const section of sections) {
    const [cause = '', remedy = ''] = section.split('\n\n*Do*: ');
    t.true(cause.length > 40 && remedy.length > 20, section);
  }
});
