import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { MUTATIONS } from './all.js';
import { patched } from './hooks.js';
import { huntMutation } from './hunt.js';

/** Seen in the first few lives. */
const CHEAP = ['H4', 'H1', 'H19'];
const DIST = fileURLToPath(new URL('../../../', import.meta.url));

test('every mutation still fits the shipped code, in one place each', async (t) => {
  for (const { name, patches } of MUTATIONS) {
    const texts = new Map<string, string>();
    for (const patch of patches) {
      const text = texts.get(patch.file) ?? (await readFile(`${DIST}${patch.file}`, 'utf8'));
      t.notThrows(() => texts.set(patch.file, patched(text, patch)), `${name} ${patch.file}`);
    }
  }
});

test('names are unique, and each hole says what it is', (t) => {
  const names = MUTATIONS.map(({ name }) => name);
  t.is(new Set(names).size, names.length);
  for (const { name, what } of MUTATIONS) {
    t.regex(name, /^H([1-9]|[12]\d|3\d|4[0-4])[a-z]?$/);
    t.true(what.length > 10);
  }
});

test('holes that are opened are noticed', async (t) => {
  t.timeout(5 * 60_000);
  for (const { name, ...rest } of MUTATIONS.filter(({ name }) => CHEAP.includes(name))) {
    const hunt = await huntMutation({ name, ...rest }, { from: 1, seeds: 30, workers: 1 });
    t.true((hunt.seeds ?? 0) > 0, JSON.stringify(hunt));
  }
});
