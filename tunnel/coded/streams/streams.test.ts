import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '#protocol/random.js';
import { FreightPair, pattern, Reading, writeAll } from './freight-pair.js';
import { CLASS_WINDOW_BYTES, STREAM_LIMITS } from './limits.js';
import type { Stream } from './stream.js';

/** A pair whose server reads every stream to its end. */
function reading(seed: number): { pair: FreightPair; readings: Reading[]; accepted: Stream[] } {
  const pair = new FreightPair(seededRandom(seed));
  const readings: Reading[] = [];
  const accepted: Stream[] = [];
  pair.ends[1].onStream((stream) => {
    accepted.push(stream);
    readings.push(new Reading(stream));
  });
  return { pair, readings, accepted };
}

test('streams come out as they went in, in whatever order symbols arrive', (t) => {
  const load = fc.record({
    bytes: fc.nat({ max: 120_000 }),
    chunk: fc.integer({ min: 1, max: 9_000 }),
  });
  fc.assert(
    fc.property(fc.array(load, { minLength: 1, maxLength: 6 }), fc.nat(), (loads, seed) => {
      const { pair, readings, accepted } = reading(seed);
      const sent = new Map<number, Uint8Array>();
      loads.forEach(({ bytes, chunk }, index) => {
        const stream = pair.ends[0].openStream()!;
        sent.set(stream.id, pattern(bytes, index));
        writeAll(stream, sent.get(stream.id)!, chunk);
      });
      pair.run();
      t.is(accepted.length, loads.length);
      accepted.forEach((stream, index) => {
        t.true(Buffer.from(readings[index]!.bytes).equals(sent.get(stream.id)!));
        t.true(readings[index]!.ended);
        stream.end();
      });
      pair.run();
      for (const end of pair.ends) t.is(end.status.streams, 0);
    }),
    { numRuns: 100 },
  );
});

test('both ends open streams and speak both ways', (t) => {
  const pair = new FreightPair(seededRandom(2));
  for (const end of pair.ends)
    end.onStream((stream) => {
      const echo = (): void => {
        for (let data = stream.read(); data !== undefined; data = stream.read()) stream.write(data);
        if (stream.ended) stream.end();
      };
      stream.listen({ readable: echo, drained: echo, failed: () => undefined });
    });
  const back = pair.ends.map((end) => {
    const stream = end.openStream()!;
    stream.write(pattern(3_000, stream.id));
    stream.end();
    return { stream, reading: new Reading(stream) };
  });
  pair.run();
  t.deepEqual(
    back.map(({ stream }) => stream.id),
    [0, 1],
  );
  for (const { stream, reading: read } of back) {
    t.deepEqual(read.bytes, Buffer.from(pattern(3_000, stream.id)));
    t.true(read.ended);
  }
  for (const end of pair.ends) t.is(end.status.streams, 0);
});

test('a slow reader holds back its own stream, then bulk, and nothing else', (t) => {
  const pair = new FreightPair(seededRandom(5));
  const accepted: Stream[] = [];
  pair.ends[1].onStream((stream) => accepted.push(stream));
  const slow = pair.ends[0].openStream()!;
  writeAll(slow, pattern(2_000_000), 10_000);
  pair.run(50);
  t.true(slow.unsentBytes > 0);
  t.true(
    pair.ends[1].status.unreadBytes <= STREAM_LIMITS.windowBytes + 2 * STREAM_LIMITS.blockBytes,
  );
  const other = pair.ends[0].openStream()!;
  writeAll(other, pattern(50_000), 10_000);
  pair.ends[0].send(pattern(10_000), 'bulk');
  pair.run();
  t.is(other.unsentBytes, 0, 'another stream goes on');
  t.is(pair.messages[1].length, 1);
  const read = new Reading(accepted.find(({ id }) => id === slow.id)!);
  read.read();
  pair.run();
  t.is(read.bytes.length, 2_000_000);
});

test('many slow readers hold back bulk, never twins or control', (t) => {
  const pair = new FreightPair(seededRandom(5));
  pair.ends[1].onStream(() => undefined);
  for (let index = 0; index < 20; index++)
    writeAll(
      pair.ends[0].openStream()!,
      pattern(STREAM_LIMITS.windowBytes),
      STREAM_LIMITS.windowBytes,
    );
  pair.run();
  const { unreadBytes } = pair.ends[1].status;
  t.true(unreadBytes <= CLASS_WINDOW_BYTES.bulk + 20 * STREAM_LIMITS.blockBytes, `${unreadBytes}`);
  pair.ends[0].send(pattern(10_000), 'bulk');
  pair.ends[0].send(pattern(10_001), 'twin');
  pair.ends[0].send(pattern(10_002), 'control');
  pair.run();
  t.deepEqual(pair.messages[1].map(({ length }) => length).sort(), [10_001, 10_002]);
});

test('a sender that stands at its limit is given more, as long as the reader keeps up', (t) => {
  const { pair } = reading(7);
  const stream = pair.ends[0].openStream()!;
  // The first symbol is kept back, so that all that follows waits for it.
  writeAll(stream, pattern(4_000_000), 100_000);
  pair.pump();
  t.true(pair.flying * 1_140 < STREAM_LIMITS.windowBytes * 1.05);
  while (pair.flying > 1) {
    pair.step(1);
    pair.pump();
    if (pair.flying * 1_140 > STREAM_LIMITS.windowBytes * 1.2) return t.pass();
  }
  return t.fail('the window stayed as it was');
});

test('a reset reaches the other end, whatever is on its way, and its bytes are given back', (t) => {
  fc.assert(
    fc.property(fc.nat({ max: 400 }), fc.nat(), fc.boolean(), (steps, seed, byReader) => {
      const pair = new FreightPair(seededRandom(seed));
      const accepted: Reading[] = [];
      const others: Stream[] = [];
      pair.ends[1].onStream((stream) => {
        others.push(stream);
        accepted.push(new Reading(stream));
      });
      const stream = pair.ends[0].openStream()!;
      writeAll(stream, pattern(400_000), 50_000);
      pair.pump();
      for (let step = 0; step < steps && pair.step(); step++) pair.pump();
      if (byReader) others[0]?.reset(17);
      else stream.reset(17);
      pair.run();
      if (!byReader && accepted[0] !== undefined && !accepted[0].ended)
        t.deepEqual(accepted[0].failure, { by: 'reset', code: 17 });
      for (const other of others) other.reset(0);
      pair.run();
      for (const end of pair.ends) t.is(end.status.streams, 0);
      // All of the class's credit is back: as much as ever can be sent again and again.
      for (let round = 0; round < 3; round++) {
        const again = pair.ends[0].openStream()!;
        writeAll(again, pattern(CLASS_WINDOW_BYTES.bulk / 2), 100_000);
        pair.run();
        t.true(accepted.at(-1)!.ended);
        others.at(-1)!.end();
        pair.run();
      }
    }),
    { numRuns: 12 },
  );
});

test('more streams than may be open at once are refused, and possible again when some end', (t) => {
  const { pair, accepted } = reading(1);
  const open = (): Stream | undefined => pair.ends[0].openStream();
  let ended = 0;
  for (let round = 0; round < 5; round++) {
    const streams: Stream[] = [];
    for (let stream = open(); stream !== undefined; stream = open()) streams.push(stream);
    t.true(streams.length > 0 && streams.length <= STREAM_LIMITS.streams);
    for (const stream of streams) writeAll(stream, pattern(10), 10);
    pair.run();
    for (const stream of accepted.splice(0)) stream.end();
    pair.run();
    ended += streams.length;
    t.is(pair.ends[0].status.streams, 0);
  }
  t.true(ended >= 4 * STREAM_LIMITS.streams);
});

test('idle streams hold no memory for bytes', (t) => {
  const { pair } = reading(1);
  for (let index = 0; index < STREAM_LIMITS.streams; index++)
    pair.ends[0].openStream()!.write(pattern(100));
  pair.run();
  t.is(pair.ends[1].status.streams, STREAM_LIMITS.streams);
  t.is(pair.ends[1].status.unreadBytes, 0);
  t.is(pair.ends[0].queuedBytes, 0);
});

test('streams that nobody takes are reset', (t) => {
  const pair = new FreightPair(seededRandom(1));
  const stream = pair.ends[0].openStream()!;
  const read = new Reading(stream);
  stream.write(pattern(100));
  pair.run();
  t.deepEqual(read.failure, { by: 'stopped', code: 1 });
});

test('when the connection is over its streams say so and take nothing', (t) => {
  const { pair } = reading(1);
  const stream = pair.ends[0].openStream()!;
  const read = new Reading(stream);
  let ready = 0;
  pair.ends[0].onReady(() => ready++);
  t.true(stream.write(pattern(5)));
  t.is(ready, 1);
  pair.ends[0].close();
  pair.ends[0].close();
  t.deepEqual(read.failure, { by: 'lost' });
  t.false(stream.write(pattern(5)));
  t.is(pair.ends[0].openStream(), undefined);
  t.is(pair.ends[0].next(1_140, false), undefined);
  t.is(ready, 1);
});
