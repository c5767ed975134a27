import test from 'ava';
import fc from 'fast-check';
import { SendQueue } from './send-queue.js';
import type { Priority } from './transport.js';

const LIMIT = 10_000;
const priorities: readonly Priority[] = ['control', 'twin', 'samples', 'bulk'];

function drain(queue: SendQueue): Uint8Array[] {
  const taken: Uint8Array[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) taken.push(next);
  return taken;
}

test('the urgent go first, in order within a class', (t) => {
  const queue = new SendQueue(LIMIT);
  queue.offer(Uint8Array.of(1), 'bulk');
  queue.offer(Uint8Array.of(2), 'twin');
  queue.offer(Uint8Array.of(3), 'control');
  queue.offer(Uint8Array.of(4), 'control');
  t.deepEqual(
    drain(queue).map(([first]) => first),
    [3, 4, 2, 1],
  );
});

test('an endless stream of urgent messages does not starve the rest', (t) => {
  const queue = new SendQueue(LIMIT);
  queue.offer(Uint8Array.of(9), 'bulk');
  for (let turn = 0; turn < 8; turn++) {
    queue.offer(Uint8Array.of(0), 'control');
    if (queue.take()?.[0] === 9) {
      t.pass();
      return;
    }
  }
  t.fail('bulk waited for more than eight turns');
});

test('each class is refused at its share, the most urgent last', (t) => {
  const filled = priorities.map((priority) => {
    const queue = new SendQueue(LIMIT);
    while (queue.offer(new Uint8Array(36), priority));
    return queue.bytes;
  });
  t.deepEqual(filled, [10_000, 8_700, 7_500, 5_000]);
});

test('a message larger than the share is taken when nothing else waits', (t) => {
  const queue = new SendQueue(10);
  t.true(queue.offer(new Uint8Array(1_000), 'bulk'));
  t.false(queue.offer(new Uint8Array(0), 'control'));
});

test('empty messages are bounded too', (t) => {
  const queue = new SendQueue(LIMIT);
  let count = 0;
  while (queue.offer(new Uint8Array(0), 'control')) count++;
  t.true(count < LIMIT / 32);
});

test('whatever is offered and taken: bounded, nothing lost or doubled, relief only after a refusal', (t) => {
  const action = fc.oneof(
    fc.record({ size: fc.nat(3_000), priority: fc.constantFrom(...priorities) }),
    fc.constant('take' as const),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const queue = new SendQueue(LIMIT);
      const waiting = new Set<Uint8Array>();
      let refused = false;
      for (const step of actions) {
        if (step === 'take') {
          const message = queue.take();
          t.is(message === undefined, waiting.size === 0);
          if (message !== undefined) t.true(waiting.delete(message));
        } else {
          const message = new Uint8Array(step.size);
          if (queue.offer(message, step.priority)) waiting.add(message);
          else refused = true;
        }
        t.true(queue.bytes <= LIMIT);
        t.is(queue.empty, waiting.size === 0);
        if (queue.relieved()) {
          t.true(refused);
          refused = false;
        }
      }
      for (const message of drain(queue)) t.true(waiting.delete(message));
      t.is(waiting.size, 0);
      t.is(queue.relieved(), refused);
    }),
  );
});
