import { readFileSync } from 'node:fs';
import test from 'ava';
import { ALARM_CODES } from './tables.js';

test('docs/errors.md lists every alarm of a node, with what to do', (t) => {
  const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const [, chapter = ''] = text.split('\n# Alarms of a node\n');
  const rows = [...chapter.matchAll(/^\| (EDGE_\w+) +\| (.*?) +\| (.*?) +\|$/gm)];
  t.deepEqual(
    rows.map(([, code]) => code),
    Object.keys(ALARM_CODES),
  );
  for (const [, code, meaning, remedy = ''] of rows)
    t.true(meaning === ALARM_CODES[code as keyof typeof ALARM_CODES] && remedy.length > 20, code);
});
