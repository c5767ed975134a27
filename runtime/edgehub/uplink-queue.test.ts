import test from 'ava';
import fc from 'fast-check';
import { LIMITS } from '#protocol/limits.js';
import { encodeMessage } from '#protocol/message-codec.js';
import type { StateRow } from '#protocol/sync-message.js';
import type { Value } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { digestMessages, resendMessages } from './digest-round.js';
import { UplinkQueue } from './uplink-queue.js';

const version = fc.record({ gen: fc.maxSafeNat(), n: fc.maxSafeNat() });

/** Up to what a value may be (LIMITS.valueBytes), and of bytes that grow in JSON. */
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.nat(2700).map((length) => '€'.repeat(length)),
  fc.nat(4090).map((length) => '"'.repeat(length)),
);

/** Names as long as they may be; counters and times that go to and fro. */
const rows: fc.Arbitrary<StateRow[]> = fc.array(
  fc.record({
    device: fc.constantFrom('default/tap', `${'n'.repeat(128)}/${'d'.repeat(128)}`),
    incarnation: version,
    property: fc
      .tuple(fc.nat(9), fc.integer({ min: 1, max: 127 }))
      .map(([first, length]) => `${first}${'p'.repeat(length)}`),
    n: fc.maxSafeNat(),
    value,
    quality: fc.constantFrom('good', 'uncertain', 'bad'),
    reason: fc.constantFrom('EDGE_DEVICE_TIMEOUT', '€'.repeat(LIMITS.textChars)),
    timestamp: fc.maxSafeNat(),
    desiredVersion: version,
  }),
  { maxLength: 200 },
);

test('a STATE is never longer than its limit, whatever its rows are', (t) => {
  fc.assert(
    fc.property(rows, (some) => {
      const queue = new UplinkQueue();
      queue.add({ announcements: [], rows: some, locals: [] });
      const { unsent } = queue;
      let sent = 0;
      for (let id = 1; queue.isDue(); id++) {
        const message = queue.next(Number.MAX_SAFE_INTEGER, id, LIMITS.messageBytes, 0);
        if (message === undefined) throw new Error('due, but nothing to send');
        t.true(encodeMessage(message).length <= GATEWAY_LIMITS.stateMessageBytes);
        sent += message.rows.length;
      }
      t.is(sent, unsent, 'each property once');
    }),
    { numRuns: 50 },
  );
});

test('digests and repairs of as many devices as a node may have, with the longest names, are messages', (t) => {
  const names = Array.from(
    { length: LIMITS.devicesPerNode },
    (_, index) => `${'n'.repeat(128)}/${`${index}`.padStart(128, 'd')}`,
  );
  const digests = names.map((device) => ({
    device,
    incarnation: { gen: Number.MAX_SAFE_INTEGER, n: Number.MAX_SAFE_INTEGER },
    reported: 'a'.repeat(16),
    desired: 'b'.repeat(16),
  }));
  const messages = [
    ...digestMessages(1, 1, { digests, maxDesired: 1 }),
    ...resendMessages(1, names),
  ];
  for (const message of messages) t.true(encodeMessage(message).length <= LIMITS.messageBytes);
  t.is(messages.flatMap(({ devices }) => [...devices]).length, 2 * LIMITS.devicesPerNode);
});
