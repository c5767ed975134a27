import test from 'ava';
import { chosenMutations, huntMutation, huntText } from './hunt.js';

/** Each was noticed within half as many lives when this was written. */
const SEEDS = 100;
const NOTICED =
  'H1,H2,H3,H4,H10,H11,H12,H13,H13b,H14,H15,H16,H18,H19,H20b,H23,H24,H25,H26,H27,H28,H29,H31';

for (const name of NOTICED.split(','))
  test.serial(`${name}, opened in the shipped code, is noticed`, async (t) => {
    t.timeout(15 * 60_000);
    const mutation = chosenMutations(name).find((found) => found.name === name)!;
    const hunt = await huntMutation(mutation, { from: 1, seeds: SEEDS, workers: 1 });
    t.log(huntText(hunt));
    t.true(hunt.seeds !== undefined);
  });
