import test from 'ava';
import fc from 'fast-check';
import { SESSION_LIMITS } from './limits.js';
import { NatLifetime } from './nat-lifetime.js';

const { keepAliveMs, keepAliveMinMs } = SESSION_LIMITS;

/** An idle end behind a NAT that forgets after so long: mappings lost in the last ten intervals. */
function idle(nat: NatLifetime, forgetsMs: number, from = 0): { lost: number; now: number } {
  let now = from;
  let lost = 0;
  nat.sent(now);
  for (let packet = 0; packet < 40; packet++) {
    const gap = nat.keepAliveMs;
    now += gap;
    nat.sent(now);
    if (gap > forgetsMs) {
      if (packet >= 30) lost++;
      nat.asked(now + 50);
    }
    nat.heard();
  }
  return { lost, now };
}

test('in front of a usual NAT nothing changes', (t) => {
  const nat = new NatLifetime(SESSION_LIMITS);
  t.is(idle(nat, 30_000).lost, 0);
  t.is(nat.keepAliveMs, keepAliveMs);
});

test('a NAT that forgets soon is found out, and its mapping kept from then on', (t) => {
  for (const forgetsMs of [1_500, 2_500, 4_000, 4_900]) {
    const nat = new NatLifetime(SESSION_LIMITS);
    t.is(idle(nat, forgetsMs).lost, 0, `${forgetsMs}`);
    t.true(nat.keepAliveMs < forgetsMs && nat.keepAliveMs > forgetsMs / 2, `${nat.keepAliveMs}`);
  }
});

test('after half an hour, or with another address, it is tried anew', (t) => {
  const nat = new NatLifetime(SESSION_LIMITS);
  const { now } = idle(nat, 2_000);
  t.true(nat.keepAliveMs < 2_000);
  nat.sent(now + 31 * 60_000);
  t.is(nat.keepAliveMs, keepAliveMs);
  idle(nat, 2_000, now + 32 * 60_000);
  t.true(nat.keepAliveMs < 2_000);
  nat.moved();
  t.is(nat.keepAliveMs, keepAliveMs);
});

test('whatever happens, a packet is asked for within its bounds', (t) => {
  const event = fc.tuple(fc.constantFrom('sent', 'heard', 'asked', 'moved'), fc.nat(20_000));
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const nat = new NatLifetime(SESSION_LIMITS);
      let now = 0;
      for (const [what, passes] of events) {
        now += passes;
        if (what === 'sent') nat.sent(now);
        else if (what === 'asked') nat.asked(now);
        else nat[what]();
        t.true(nat.keepAliveMs >= keepAliveMinMs && nat.keepAliveMs <= keepAliveMs);
      }
    }),
  );
});
