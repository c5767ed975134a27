import test from 'ava';
import fc from 'fast-check';
import { clip, fromWire, toWire } from './close-codes.js';

test('every reason survives the wire', (t) => {
  for (const code of ['normal', 'superseded', 'protocol', 'unauthorized', 'slow'] as const)
    t.is(fromWire(toWire(code)), code);
});

test('any other code means lost', (t) => {
  for (const wire of [1005, 1006, 1015, 3000, 4999, -1, Number.NaN]) t.is(fromWire(wire), 'lost');
});

test('a clipped text fits, is a beginning of the text, and cuts no character', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(200), (text, bytesMax) => {
      const clipped = clip(text, bytesMax);
      t.true(text.startsWith(clipped));
      t.true(Buffer.byteLength(clipped) <= bytesMax);
      t.false(clipped.includes('\ufffd') && !text.includes('\ufffd'));
      if (Buffer.byteLength(text) <= bytesMax) t.is(clipped, text);
    }),
  );
});
