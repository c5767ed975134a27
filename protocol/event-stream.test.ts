import test from 'ava';
import fc from 'fast-check';
import { encodeEvent, EventStreamParser, KEEP_ALIVE_COMMENT } from './event-stream.js';

test('events come back whole however the text was cut, and comments vanish', (t) => {
  const event = fc.record({
    event: fc.constantFrom('snapshot', 'property', 'node'),
    data: fc.jsonValue(),
  });
  fc.assert(
    fc.property(fc.array(event), fc.array(fc.nat(40)), (events, cuts) => {
      let text = events.map((e) => encodeEvent(e.event, e.data) + KEEP_ALIVE_COMMENT).join('');
      const parser = new EventStreamParser();
      const read = cuts.flatMap((cut) => {
        const piece = text.slice(0, cut);
        text = text.slice(cut);
        return parser.push(piece);
      });
      read.push(...parser.push(text));
      t.deepEqual(read, JSON.parse(JSON.stringify(events)));
    }),
  );
});

test('an event that is not JSON is refused', (t) => {
  t.throws(() => new EventStreamParser().push('data: {\n\n'), { code: 'EDGE_MALFORMED' });
});

test('an event without an end is refused at the limit', (t) => {
  const parser = new EventStreamParser();
  const mebibyte = 'x'.repeat(1024 * 1024);
  t.throws(
    () => {
      for (let count = 0; count < 17; count++) parser.push(mebibyte);
    },
    { code: 'EDGE_LIMIT' },
  );
});
