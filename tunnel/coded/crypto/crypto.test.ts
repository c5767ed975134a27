import test from 'ava';
import fc from 'fast-check';
import { seededRandom } from '#protocol/random.js';
import { CODED_LIMITS } from '../limits.js';
import { decodePacket } from '../wire/packet-header.js';
import { nextKeys, packetKeys, resetToken, trafficSecret, type Cipher } from './packet-keys.js';
import { PacketOpener, type OpenedPacket } from './packet-opener.js';
import { PacketSealer } from './packet-sealer.js';
import { ReplayWindow } from './replay-window.js';
import { open, seal } from './seal.js';

const EXPORTED = Uint8Array.from({ length: 32 }, (_, index) => index);
const ID = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const ciphers: readonly Cipher[] = ['aes-128-gcm', 'chacha20-poly1305'];
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

function pair(cipher: Cipher = 'aes-128-gcm'): [PacketSealer, PacketOpener] {
  const keys = packetKeys(trafficSecret(EXPORTED, 'client'), cipher);
  return [new PacketSealer(keys), new PacketOpener(keys)];
}

function receive(opener: PacketOpener, datagram: Uint8Array): OpenedPacket | undefined {
  const packet = decodePacket(datagram);
  return packet.ok ? opener.open(packet.value) : undefined;
}

test('published keys and seals', (t) => {
  const secret = trafficSecret(EXPORTED, 'client');
  t.not(hex(secret), hex(trafficSecret(EXPORTED, 'server')));
  const seen = ciphers.map((cipher) => {
    const keys = packetKeys(secret, cipher);
    return [hex(keys.key), hex(keys.iv), hex(seal(keys, 2 ** 40 + 7, ID, Uint8Array.of(1, 2, 3)))];
  });
  t.deepEqual(seen, SEAL_VECTORS);
  t.is(hex(resetToken(EXPORTED, ID)).length, 32);
});

for (const cipher of ciphers) {
  test(`${cipher}: what was sealed opens, and nothing else does`, (t) => {
    const keys = packetKeys(trafficSecret(EXPORTED, 'client'), cipher);
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 52 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 100 }),
        fc.nat(),
        (number, header, payload, position) => {
          const sealed = seal(keys, number, header, payload);
          t.is(hex(open(keys, number, header, sealed)), hex(payload));
          t.is(open(keys, number + 1, header, sealed), undefined);
          t.is(open(nextKeys(keys), number, header, sealed), undefined);
          t.is(open(keys, number, Uint8Array.of(...header, 0), sealed), undefined);
          t.is(open(keys, number, header, sealed.subarray(0, position % sealed.length)), undefined);
          const flipped = sealed.slice();
          const at = position % sealed.length;
          flipped[at] = (flipped[at] ?? 0) ^ (1 << (position % 8));
          t.is(open(keys, number, header, flipped), undefined);
        },
      ),
      { numRuns: 300 },
    );
  });
}

test('replayed, flipped, truncated and foreign datagrams are never accepted', (t) => {
  const random = seededRandom(2);
  const [sealer, opener] = pair();
  const [foreign] = [
    new PacketSealer(packetKeys(trafficSecret(EXPORTED, 'server'), 'aes-128-gcm')),
  ];
  const sent = Array.from({ length: 400 }, (_, number) =>
    sealer.datagram({ connectionId: ID, number, ackNow: number % 2 === 0 }, random.bytes(30)),
  );
  let accepted = 0;
  for (const datagram of sent) {
    for (let forgery = 0; forgery < 5; forgery++) {
      const changed = datagram.slice(0, Math.floor(random.unit() * (datagram.length + 1)));
      const at = Math.floor(random.unit() * changed.length);
      if (changed.length === datagram.length) changed[at] = (changed[at] ?? 0) ^ 1;
      if (receive(opener, changed) !== undefined) t.fail('a changed datagram was opened');
    }
    if (receive(opener, datagram) !== undefined) accepted++;
    if (receive(opener, datagram) !== undefined) t.fail('a datagram was opened twice');
  }
  t.is(accepted, 400);
  for (const datagram of sent) t.is(receive(opener, datagram), undefined);
  const other = foreign.datagram({ connectionId: ID, number: 500, ackNow: false }, EXPORTED);
  t.is(receive(opener, other), undefined);
  t.true(opener.counts.replayed >= 800);
});

test('keys are updated in the middle of reordered packets, again and again', (t) => {
  const random = seededRandom(7);
  const [sealer, opener] = pair('chacha20-poly1305');
  let number = 0;
  let updates = 0;
  for (let phase = 0; phase < 20; phase++) {
    const batch = Array.from({ length: 60 }, (_, index) => {
      if (index === 30) sealer.update();
      return sealer.datagram({ connectionId: ID, number: number++, ackNow: false }, EXPORTED);
    });
    batch.sort(() => random.unit() - 0.5);
    for (const datagram of batch) {
      const packet = receive(opener, datagram);
      if (packet === undefined) t.fail(`phase ${phase}`);
      else if (packet.updated) updates++;
    }
  }
  t.is(updates, 20);
  t.is(opener.counts.forged, 0);
});

test('a sealer knows when its keys are worn', (t) => {
  const keys = packetKeys(trafficSecret(EXPORTED, 'client'), 'aes-128-gcm');
  const sealer = new PacketSealer(keys, 3);
  for (let number = 0; number < 3; number++) {
    t.false(sealer.isWorn);
    sealer.datagram({ connectionId: ID, number, ackNow: false }, ID);
  }
  t.true(sealer.isWorn);
  sealer.update();
  t.false(sealer.isWorn);
  t.is(sealer.phase, 1);
});

test('a replay window accepts each number once, beside a plain set', (t) => {
  const size = CODED_LIMITS.replayPackets;
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.record({ step: fc.integer({ min: -60, max: 60 }) }),
          fc.record({ step: fc.integer({ min: -3 * size, max: 3 * size }) }),
        ),
        { maxLength: 300 },
      ),
      (steps) => {
        const window = new ReplayWindow();
        const accepted = new Set<number>();
        for (const { step } of steps) {
          const number = Math.max(0, window.largest + step);
          const isStale = accepted.has(number) || number <= window.largest - size;
          t.is(window.isStale(number), isStale);
          if (isStale) continue;
          window.accept(number);
          accepted.add(number);
        }
      },
    ),
    { numRuns: 500 },
  );
});

const SEAL_VECTORS = [
  [
    '81dbd831379f1225557bfea53ca119fb',
    '8169fd160f68abf531593947',
    '9e021643ba76290522e20b0229304cb01a9362',
  ],
  [
    '8aebc7c9e6bb79e674aaa33244bbabaa40f4507f6465706aa82deab0cd59b8a8',
    '22e2d09b7911e684ecda59d7',
    'de56bd1711ca1290023c80938f46d0e8a036f7',
  ],
];

test('the window tells which share of the packets never came', (t) => {
  const window = new ReplayWindow();
  for (let number = 0; number < 40; number++) window.accept(number);
  t.is(window.missing(), undefined, 'too few to tell');
  for (let number = 40; number < 100; number++) if (number % 4 !== 0) window.accept(number);
  t.is(Math.round((window.missing() ?? 0) * 84), 11, 'of numbers 0 to 83');
  for (let number = 100; number < 10_000; number++) if (number % 10 !== 3) window.accept(number);
  t.true(Math.abs((window.missing() ?? 0) - 0.1) < 0.001);
});
