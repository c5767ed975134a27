import test from 'ava';
import { Unanswered } from './unanswered.js';

test('answers come in any order; only one that later ones overtook is missed', (t) => {
  const unanswered = new Unanswered<number, string>();
  for (const id of [1, 2, 3]) unanswered.add(id, `message ${id}`);
  t.is(unanswered.overtakenAtMs(), Infinity);
  t.is(unanswered.answered(1, 10), 'message 1');
  t.is(unanswered.overtakenAtMs(), Infinity, 'nothing was sent before it');
  t.is(unanswered.answered(3, 20), 'message 3');
  t.is(unanswered.overtakenAtMs(), 20);
  unanswered.add(4, 'message 4');
  t.is(unanswered.answered(4, 30), 'message 4');
  t.is(unanswered.overtakenAtMs(), 20, 'since the first time');
  t.is(unanswered.answered(2, 40), 'message 2');
  t.is(unanswered.overtakenAtMs(), Infinity);
  t.is(unanswered.answered(2, 50), undefined, 'once');
});

test('what is dropped or cleared is not missed', (t) => {
  const unanswered = new Unanswered<string, number>();
  unanswered.add('a', 1);
  unanswered.add('b', 2);
  unanswered.answered('b', 5);
  t.true(unanswered.drop('a'));
  t.is(unanswered.overtakenAtMs(), Infinity);
  unanswered.add('c', 3);
  t.deepEqual([...unanswered.sent()], [3]);
  t.is(unanswered.get('c'), 3);
  unanswered.clear();
  t.is(unanswered.size, 0);
  t.false(unanswered.has('c'));
});
