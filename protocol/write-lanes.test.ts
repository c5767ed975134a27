import test from 'ava';
import { WriteLanes } from './write-lanes.js';

async function settled(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  return done;
}

test('a key has one holder; who waits is served in order', async (t) => {
  const lanes = new WriteLanes();
  t.true(lanes.tryTake('a'));
  t.false(lanes.tryTake('a'));
  const first = lanes.take(['a', 'b']);
  const second = lanes.take(['b']);
  t.is(lanes.waiting, 2);
  t.false(await settled(first));
  t.false(await settled(second), 'it may not overtake the one that waits for b as well');
  t.false(lanes.tryTake('b'), 'nor may one that does not wait');
  lanes.free(['a']);
  t.true(await settled(first));
  t.false(await settled(second));
  lanes.release(['a', 'b']);
  t.true(await settled(second));
});

test('a free key is told to the one that does not wait, but not while another has it', async (t) => {
  const lanes = new WriteLanes();
  const told: string[] = [];
  lanes.onFree((keys) => told.push(keys.join()));
  await lanes.take(['a', 'b']);
  const next = lanes.take(['b']);
  lanes.release(['a', 'b']);
  await next;
  t.deepEqual(told, ['a']);
  lanes.release(['b']);
  t.deepEqual(told, ['a', 'b']);
  t.true(lanes.tryTake('b'));
});
