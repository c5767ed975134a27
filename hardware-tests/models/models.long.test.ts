import { readdir } from 'node:fs/promises';
import test from 'ava';
import { checkModel } from './check.js';

const folder = new URL('../../../hardware-tests/models/', import.meta.url);
const names = (await readdir(folder))
  .filter((file) => file.endsWith('.pml'))
  .map((file) => file.slice(0, -'.pml'.length));

for (const name of names)
  test.serial(
    `the rules of ${name} hold in every state, and each mutation is caught`,
    async (t) => {
      t.timeout(600_000);
      await checkModel(t, name);
    },
  );
