import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { patched } from '../../simulation/mutations/hooks.js';
import { TRAPS } from './all.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

test('every trap still fits the shipped code, in one place each', async (t) => {
  for (const { name, patches } of TRAPS) {
    const texts = new Map<string, string>();
    for (const patch of patches) {
      const text = texts.get(patch.file) ?? (await readFile(`${ROOT}dist/${patch.file}`, 'utf8'));
      t.notThrows(() => texts.set(patch.file, patched(text, patch)), `${name} ${patch.file}`);
    }
  }
});

test('docs/tunnel.md has a row for each trap, with the test that finds it', async (t) => {
  const page = (await readFile(`${ROOT}docs/tunnel.md`, 'utf8')).replaceAll(/ +/g, ' ');
  t.is(new Set(TRAPS.map(({ name }) => name)).size, TRAPS.length);
  for (const { name, what, file, title } of TRAPS) {
    const by = `${title} (\`${file.replace(/\.js$/, '.ts')}\`)`;
    t.true(page.includes(`| ${name} | ${what} | ${by} |`), name);
  }
});
