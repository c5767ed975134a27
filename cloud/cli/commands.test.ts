import { readFileSync } from 'node:fs';
import test from 'ava';
import { markdown } from '#protocol/command-line/help.js';
import { parseCommandLine } from '#protocol/command-line/parse.js';
import { EDGETWIN_HUB } from './commands.js';

test('docs/cli.md has the chapter of edgetwin-hub as its command table says it', (t) => {
  const text = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
  const chapter = /^## edgetwin-hub\n[^]*?(?=^## |$(?![^]))/m.exec(text)?.[0] ?? '';
  t.is(chapter.trimEnd(), markdown(EDGETWIN_HUB).trimEnd());
});

for (const { example } of EDGETWIN_HUB.commands)
  test(`the example is valid: ${example}`, (t) => {
    const [program, ...argv] = example.split(' ');
    t.is(program, EDGETWIN_HUB.name);
    t.is(parseCommandLine(EDGETWIN_HUB, argv).kind, 'run');
  });
