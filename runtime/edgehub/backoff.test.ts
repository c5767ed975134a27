import test from 'ava';
import fc from 'fast-check';
import type { ByeReason } from '#protocol/sync-message.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { FRESH_BACKOFF, nextDial } from './backoff.js';

const { holdFirstMs, holdMaxMs, redialFirstMs, redialMaxMs, sessionLastedMs } = GATEWAY_LIMITS;
const ALMOST_ONE = 1 - 2 ** -32;

function ceilings(count: number, livedMs = 0, bye?: ByeReason): number[] {
  let backoff = FRESH_BACKOFF;
  return Array.from({ length: count }, () => {
    const next = nextDial(backoff, { livedMs, bye }, ALMOST_ONE);
    backoff = next.backoff;
    return Math.ceil(next.waitMs);
  });
}

test('waits double from one second to a minute', (t) => {
  t.deepEqual(
    ceilings(8),
    [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000),
  );
});

test('a session that lasted starts anew, one that did not goes on', (t) => {
  t.deepEqual(ceilings(3, sessionLastedMs), [redialFirstMs, redialFirstMs, redialFirstMs]);
  t.deepEqual(ceilings(3, sessionLastedMs - 1), [1000, 2000, 4000]);
});

test('jitter is full: any wait between nothing and the ceiling', (t) => {
  t.is(nextDial({ failures: 5, holds: 0 }, { livedMs: 0 }, 0).waitMs, 0);
  t.is(nextDial({ failures: 5, holds: 0 }, { livedMs: 0 }, 0.5).waitMs, 16_000);
});

for (const bye of ['superseded', 'clone', 'unsupported'] as const)
  test(`after BYE ${bye} it keeps away for ten minutes at least, doubling`, (t) => {
    const [first = 0, second = 0] = ceilings(2, 5000, bye);
    t.true(first >= holdFirstMs && second >= 2 * holdFirstMs);
    t.is(nextDial(FRESH_BACKOFF, { livedMs: 0, bye }, 0).waitMs, holdFirstMs);
    t.true(nextDial(FRESH_BACKOFF, { livedMs: 0, bye }, 0).hold);
  });

for (const bye of ['shutting-down', 'diverged'] as const)
  test(`after BYE ${bye} it dials as after any loss`, (t) => {
    t.deepEqual(ceilings(3, 0, bye), [1000, 2000, 4000]);
  });

test('after BYE refused the longest ordinary wait is drawn from at once', (t) => {
  t.deepEqual(ceilings(2, 0, 'refused'), [redialMaxMs, redialMaxMs]);
});

test('every wait is a bounded number, whatever came before', (t) => {
  const ended = fc.record({
    livedMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
    bye: fc.constantFrom<ByeReason | undefined>(undefined, 'superseded', 'shutting-down'),
    unit: fc.double({ min: 0, max: ALMOST_ONE, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(ended, { maxLength: 100 }), (ends) => {
      let backoff = FRESH_BACKOFF;
      for (const { unit, ...end } of ends) {
        const next = nextDial(backoff, end, unit);
        backoff = next.backoff;
        t.true(next.waitMs >= 0 && next.waitMs <= (next.hold ? 1.5 * holdMaxMs : redialMaxMs));
      }
    }),
  );
});
