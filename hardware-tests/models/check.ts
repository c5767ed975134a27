import type { ExecutionContext } from 'ava';
import { hasTools } from '../tools.js';
import { readModel, search } from './model.js';

/**
 * Every variant in the header of a model: the rules as they stand are clean over as many states as
 * the header says, each planted bug is found, and so is each limit that the manual admits.
 */
export async function checkModel(t: ExecutionContext, name: string): Promise<void> {
  if (!hasTools(t, 'spin', 'gcc')) return;
  const model = await readModel(name);
  t.true(model.variants.some(({ expect }) => expect === 'clean'));
  t.true(model.variants.some(({ expect }) => expect === 'caught'));
  for (const { expect, defines, states, note } of model.variants) {
    const found = await search(model, defines);
    const title = `${name} ${defines.join(' ')}`.trim();
    if (expect === 'clean') {
      t.is(found.errors, 0, title);
      t.true(found.exhaustive, `${title}: the search was cut short`);
      t.is(found.states, states, `${title}: the header states how many states there are`);
      t.log(`${title}: clean over ${found.states} states`);
    } else {
      t.true(found.errors > 0, `${title}: ${note}: not found`);
      t.log(`${title}: found within ${found.states} states (${note})`);
    }
  }
}
