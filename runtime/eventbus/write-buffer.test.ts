import fc from 'fast-check';
import test from 'ava';
import { TokenBucket } from './token-bucket.js';
import { WriteBuffer } from './write-buffer.js';

test('what is taken is what was appended, whatever the pieces', (t) => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 1000, max: 20_000 }).map((size) => Buffer.alloc(size, size & 0xff)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 20 }), { maxLength: 5 }), (turns) => {
      const buffer = new WriteBuffer();
      for (const pieces of turns) {
        for (const one of pieces) buffer.append(one);
        const expected = Buffer.concat(pieces.map((one) => Buffer.from(one as string)));
        t.is(buffer.length, expected.length);
        t.deepEqual(Buffer.concat(buffer.take()), expected);
        t.is(buffer.length, 0);
      }
    }),
  );
});

test('a bucket lets a burst pass, then its rate', (t) => {
  const bucket = new TokenBucket(100, 50, 0);
  t.is(bucket.take(50, 0), 0);
  t.is(bucket.take(10, 0), 100);
  t.is(bucket.take(0, 100), 0);
  t.is(bucket.take(1, 100), 10);
  t.is(bucket.take(50, 10_000), 0, 'and saves up no more than the burst');
  t.is(bucket.take(1, 10_000), 10);
});
