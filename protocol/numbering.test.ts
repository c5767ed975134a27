import test from 'ava';
import fc from 'fast-check';
import { FIRST_NUMBERING, FORKS_MAX, confirmed, mark, nextNumber } from './numbering.js';
import type { NumberingState } from './numbering.js';

function use(state: NumberingState, boot: string, numbers: number): NumberingState {
  let after = state;
  for (let number = 0; number < numbers; number++) after = nextNumber(after, boot);
  return after;
}

test('numbers go up by one and each new process is remembered once', (t) => {
  const state = use(use(FIRST_NUMBERING, 'a', 3), 'b', 2);
  t.deepEqual(state, {
    value: 5,
    metIn: '',
    forks: [
      { boot: 'a', before: 0 },
      { boot: 'b', before: 3 },
    ],
  });
});

test('the mark stands before the first process that the peer has not met', (t) => {
  const state = use(use(use(FIRST_NUMBERING, 'a', 3), 'b', 2), 'c', 4);
  t.is(mark(state, []), 0);
  t.is(mark(state, ['a']), 3);
  t.is(mark(state, ['a', 'b']), 5);
  t.is(mark(state, ['a', 'b', 'c']), 9);
  t.is(mark(state, ['b', 'c']), 0);
});

test('after a confirmation the process is known, until another begins', (t) => {
  const met = confirmed(use(FIRST_NUMBERING, 'a', 3), 'a');
  t.deepEqual(met.forks, []);
  t.is(mark(use(met, 'a', 5), []), 8);
  t.is(mark(use(met, 'b', 5), []), 3);
});

test('a restored backup that overtook the peer is still found', (t) => {
  // Backup at 50, run to 100, restore, 60 numbers without the peer: 110 looks healthy.
  const backup = confirmed(use(FIRST_NUMBERING, 'a', 50), 'a');
  const restored = use(backup, 'b', 60);
  t.is(restored.value, 110);
  t.is(mark(restored, ['a']), 50);
});

test('beyond the most forks the newest are merged at the lower mark', (t) => {
  let state = FIRST_NUMBERING;
  for (let boot = 0; boot < FORKS_MAX + 5; boot++) state = use(state, `boot-${boot}`, 2);
  t.is(state.forks.length, FORKS_MAX);
  t.deepEqual(state.forks.at(-1), {
    boot: `boot-${FORKS_MAX + 4}`,
    before: 2 * (FORKS_MAX - 1),
  });
  const early = Array.from({ length: FORKS_MAX - 1 }, (_, boot) => `boot-${boot}`);
  t.is(mark(state, early), 2 * (FORKS_MAX - 1));
});

test('the mark never passes a number of a process that the peer has not met', (t) => {
  const steps = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 4 })), { maxLength: 60 });
  fc.assert(
    fc.property(steps, fc.array(fc.nat(40)), (lives, known) => {
      let state = FIRST_NUMBERING;
      let firstUnmet = Infinity;
      for (const [boot, numbers] of lives) {
        if (!known.includes(boot)) firstUnmet = Math.min(firstUnmet, state.value + 1);
        state = use(state, String(boot), numbers);
      }
      const found = mark(state, known.map(String));
      t.true(found < firstUnmet);
      t.true(found <= state.value);
    }),
  );
});
