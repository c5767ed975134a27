import fc from 'fast-check';
import test from 'ava';
import { OfflineQueue } from './offline-queue.js';

type Step =
  | { do: 'push' }
  | { do: 'drop' }
  | { do: 'send'; nth: number; messageId: number }
  | { do: 'receive'; messageId: number }
  | { do: 'acknowledge'; messageId: number };

const messageId = fc.integer({ min: 1, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Step>({ do: 'push' }) },
  fc.constant<Step>({ do: 'drop' }),
  fc.record({ do: fc.constant('send' as const), nth: fc.nat(5), messageId }),
  fc.record({ do: fc.constant('receive' as const), messageId }),
  fc.record({ do: fc.constant('acknowledge' as const), messageId }),
);

interface Kept {
  readonly counter: number;
  messageId?: number;
  pubrel: boolean;
}

test('the queue agrees with a plain list, and its bytes with its entries', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new OfflineQueue();
      let model: Kept[] = [];
      let counter = 0;
      for (const taken of steps) {
        switch (taken.do) {
          case 'push':
            counter++;
            queue.push(counter, { cmd: 'publish', topic: `${counter}`, payload: Buffer.alloc(5) });
            model.push({ counter, pubrel: false });
            break;
          case 'drop':
            t.is(queue.dropOldest(), model.length > 0);
            model.shift();
            break;
          case 'send': {
            const entry = model[taken.nth];
            // A packet id is given again only after its exchange has ended.
            if (model.some((kept) => kept.messageId === taken.messageId)) break;
            t.is(queue.sent(entry?.counter ?? -1, taken.messageId), entry !== undefined);
            if (entry !== undefined) entry.messageId = taken.messageId;
            break;
          }
          case 'receive': {
            queue.received(taken.messageId);
            const entry = model.find((kept) => kept.messageId === taken.messageId);
            if (entry !== undefined) entry.pubrel = true;
            break;
          }
          case 'acknowledge': {
            const known = model.some((kept) => kept.messageId === taken.messageId);
            t.is(queue.acknowledged(taken.messageId) !== undefined, known);
            model = model.filter((kept) => kept.messageId !== taken.messageId);
          }
        }
        t.is(queue.size, model.length);
        const seen = [...queue.unacknowledged()];
        t.deepEqual(
          seen.map(({ cmd, messageId: id, dup }) => ({ cmd, id, dup: dup ?? false })),
          model.map((kept) => ({
            cmd: kept.pubrel ? 'pubrel' : 'publish',
            id: kept.messageId,
            dup: !kept.pubrel && kept.messageId !== undefined,
          })),
        );
      }
      while (queue.dropOldest());
      t.is(queue.bytes, 0);
    }),
  );
});
