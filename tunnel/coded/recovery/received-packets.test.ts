import test from 'ava';
import fc from 'fast-check';
import { ReceivedPackets } from './received-packets.js';

test('acknowledgements say exactly which packets arrived, and each is noted once', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(150), { minLength: 1, maxLength: 200 }), (numbers) => {
      const received = new ReceivedPackets();
      const seen = new Set<number>();
      for (const number of numbers) {
        t.is(received.note(number, 0), !seen.has(number));
        seen.add(number);
      }
      const frame = received.frame(5);
      const largest = Math.max(...numbers);
      t.is(frame?.largest, largest);
      t.is(frame?.received, seen.size);
      let number = largest;
      frame?.runs.forEach((run, index) => {
        for (const end = number - run; number > end; number--)
          if (seen.has(number) !== (index % 2 === 0)) t.fail(`${number} in ${numbers.join()}`);
      });
      t.is((frame?.runs.length ?? 0) % 2, 1);
      t.true([...seen].every((one) => one > number || one <= largest - 64));
    }),
    { numRuns: 1_000 },
  );
});

test('a clean history takes one run however long; what is too old is not noted again', (t) => {
  const received = new ReceivedPackets();
  for (let number = 0; number < 5_000; number++) t.true(received.note(number, number));
  t.deepEqual(received.frame(5_003)?.runs, [5_000]);
  t.is(received.frame(5_003)?.delayMs, 4);
  t.false(received.note(3, 5_003));
});

test('memory is bounded when every other packet is lost', (t) => {
  const received = new ReceivedPackets();
  for (let number = 0; number < 100_000; number += 2) received.note(number, number);
  t.true((received.frame(0)?.runs.length ?? 0) <= 127);
});
