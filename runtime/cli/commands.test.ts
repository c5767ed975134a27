import { readFileSync } from 'node:fs';
import test from 'ava';
import { markdown } from '#protocol/command-line/help.js';
import { parseCommandLine } from '#protocol/command-line/parse.js';
import { EDGETWIN } from './commands.js';

test('docs/cli.md has the chapter of edgetwin as its command table says it', (t) => {
  const text = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  const chapter = /^## edgetwin\n[^]*?(?=^## |$(?![^]))/m.exec(text)?.[0] ?? '';
  t.is(chapter.trimEnd(), markdown(EDGETWIN).trimEnd());
});

for (const { example } of EDGETWIN.commands)
  test(`the example is valid: ${example}`, (t) => {
    const [program, ...argv] = example.split(' ');
    t.is(program, EDGETWIN.name);
    t.is(parseCommandLine(EDGETWIN, argv).kind, 'run');
  });
