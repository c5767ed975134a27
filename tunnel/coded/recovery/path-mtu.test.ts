import test from 'ava';
import { HalfSymbols } from './half-symbols.js';
import type { SentPacket } from './packet-ledger.js';
import { PathMtu } from './path-mtu.js';

const packet = (number: number, payload: number, sentAt = 0): SentPacket => ({
  number,
  sentAt,
  bytes: payload + 28,
  state: 'waiting',
});

/** Probes until nothing is due; what is no longer than `carries` gets through. */
function search(mtu: PathMtu, carries: number, loss = 0): number[] {
  for (let index = 0; index < 8; index++) mtu.sent(packet(index, 1_200));
  const probes: number[] = [];
  let now = 0;
  for (let length = mtu.probeDue(now); length !== undefined; length = mtu.probeDue(now)) {
    const probe = packet(100 + probes.length, length, now);
    probes.push(length);
    mtu.probed(probe.number);
    const outcome =
      length <= carries ? { arrived: [probe], lost: [] } : { arrived: [], lost: [probe] };
    now += 100;
    mtu.heard(outcome, loss, 100, now);
    now += 100;
  }
  return probes;
}

test('the longest datagram that gets through is found, the longest tried first', (t) => {
  for (const [carries, found, probes] of [
    [1_472, 1_472, 1],
    [1_460, 1_452, 4],
    [1_372, 1_372, 10],
    [1_250, 1_200, 15],
  ] as const) {
    const mtu = new PathMtu();
    t.is(search(mtu, carries).length, probes);
    t.is(mtu.bytes, found);
  }
});

test('messages alone are never worth a probe; nor is what the own interface does not carry', (t) => {
  const idle = new PathMtu();
  for (let index = 0; index < 100; index++) idle.sent(packet(index, 300));
  t.is(idle.probeDue(1e6), undefined);
  const narrow = new PathMtu(1_392);
  t.deepEqual(search(narrow, 1_472), [1_372]);
});

test('where loss explains the loss of probes, more are sent before a length is given up', (t) => {
  t.is(search(new PathMtu(), 1_200, 0.3).length, 5 * 6);
});

test('long packets that vanish while a short one gets through are a black hole; a fade is none', (t) => {
  const mtu = new PathMtu();
  search(mtu, 1_472);
  const lost = Array.from({ length: 10 }, (_, index) => packet(200 + index, 1_472, index));
  t.false(mtu.heard({ arrived: [packet(300, 100, 50)], lost }, 0, 100, 200), 'only 50 ms');
  t.is(mtu.bytes, 1_472);
  t.true(mtu.asksShort(100, 300));
  t.false(mtu.asksShort(100, 320));
  t.true(mtu.heard({ arrived: [packet(301, 100, 310)], lost: [] }, 0, 100, 410));
  t.is(mtu.bytes, 1_200);
  t.is(mtu.probeDue(30_000), undefined);
  t.is(mtu.probeDue(61_000), 1_472, 'the path may have become wider again');
});

test('a symbol is put together from pieces in any order and of any size, repeated or not', (t) => {
  const halves = new HalfSymbols();
  const data = Uint8Array.from({ length: 1_400 }, (_, index) => index & 0xff);
  const piece = (offset: number, end: number): Parameters<HalfSymbols['add']>[1] => ({
    kind: 'piece',
    symbol: 7,
    offset,
    total: 1_400,
    data: data.slice(offset, end),
  });
  t.is(halves.add(7, piece(1_000, 1_400)), undefined);
  t.is(halves.add(7, piece(900, 1_200)), undefined);
  t.is(halves.add(7, piece(0, 800)), undefined);
  t.deepEqual(halves.add(7, piece(700, 950)), { number: 7, data });
  t.is(halves.add(8, { ...piece(1_300, 1_400), total: 1_350 }), undefined, 'beyond its end');
  t.is(halves.add(8, { ...piece(0, 10), total: 60_000 }), undefined, 'no symbol is so long');
});
