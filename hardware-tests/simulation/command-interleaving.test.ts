import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { keyOf, moves, settled } from './command-interleaving.js';
import { START } from './command-joint.js';
import type { Budget, Joint } from './command-joint.js';

const NO_FAULT: Budget = {
  ...{ cut: 0, 'gateway-crash': 0, 'gateway-restore': 0 },
  ...{ 'hub-crash': 0, 'hub-restore': 0 },
};

interface Seen {
  readonly states: number;
  readonly ends: Readonly<Record<string, number>>;
}

/** Breadth-first over every interleaving; a breach is told with the shortest way to it. */
function explore(budget: Budget): Seen {
  const seen = new Map<string, { readonly from: string; readonly name: string }>();
  const ends: Record<string, number> = {};
  let front: Joint[] = [START];
  seen.set(keyOf(START), { from: '', name: 'start' });
  const way = (key: string): string[] => {
    const step = seen.get(key);
    return step === undefined ? [] : [...way(step.from), step.name];
  };
  while (front.length > 0) {
    const next: Joint[] = [];
    for (const state of front) {
      const key = keyOf(state);
      try {
        const end = endOf(state);
        ends[end] = (ends[end] ?? 0) + 1;
        for (const { name, to } of moves(state, budget)) {
          const reached = keyOf(to);
          if (seen.has(reached)) continue;
          seen.set(reached, { from: key, name });
          next.push(to);
        }
      } catch (error) {
        const { message } = EdgeError.from(error);
        throw new EdgeError('EDGE_INTERNAL', `${message} after: ${way(key).join(', ')}`);
      }
    }
    front = next;
  }
  return { states: seen.size, ends };
}

/** From everywhere, when nothing fails any more, there is an end, and as good a one as can be. */
function endOf(state: Joint): string {
  if (!state.asked) return 'not asked';
  const { hub, gateway } = settled(state);
  const end = hub.record?.state ?? 'nothing';
  const known = gateway.disk?.state ?? 'never-seen';
  const isKnown = known === 'done' || known === 'expired';
  if (end === 'new' || end === 'sent' || gateway.disk?.state === 'accepted')
    throw new EdgeError('EDGE_INTERNAL', `it rests at ${end}, ${known} at the gateway`);
  if (hub.record !== null && isKnown && end === 'unknown')
    throw new EdgeError('EDGE_INTERNAL', `unknown, though the gateway knows: ${known}`);
  return end;
}

const MODES: Readonly<Record<string, Partial<Budget>>> = {
  'no fault': {},
  'cuts and crashes of both ends': { cut: 2, 'gateway-crash': 1, 'hub-crash': 1 },
  'a restored gateway': { cut: 1, 'gateway-crash': 1, 'gateway-restore': 1, 'hub-crash': 1 },
  'a restored hub': { cut: 1, 'gateway-crash': 1, 'hub-restore': 1 },
};

for (const [mode, faults] of Object.entries(MODES))
  test(`${mode}: at most one effect, every end is true, and there is always an end`, (t) => {
    t.timeout(10 * 60_000);
    const { states, ends } = explore({ ...NO_FAULT, ...faults });
    t.log(`${states} states; from them ${JSON.stringify(ends)}`);
    t.true(states > 20 && (ends['done'] ?? 0) > 0 && (ends['expired'] ?? 0) > 0);
  });

test('both restored to before it: the second effect that no rule prevents is found', (t) => {
  const budget = { ...NO_FAULT, 'gateway-restore': 1, 'hub-restore': 1 };
  t.throws(() => explore(budget), { message: /I6: a second effect|done without|expired, but/ });
});
