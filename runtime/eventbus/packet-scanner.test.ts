import fc from 'fast-check';
import test from 'ava';
import mqtt from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { PacketScanner } from './packet-scanner.js';

const limits = { connectBytes: 100, publishBytes: 300, subscribeBytes: 50 };
const connect = mqtt.generate({ cmd: 'connect', clientId: 'a', protocolVersion: 4, clean: true });

function scanAll(bytes: Uint8Array, cuts: readonly number[] = []): PacketScanner {
  const scanner = new PacketScanner(limits);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    scanner.scan(bytes.subarray(from, Math.max(from, cut)));
    from = Math.max(from, cut);
  }
  return scanner;
}

test('a valid stream passes however it is cut, and its publishes are counted', (t) => {
  const packets: Packet[] = [
    {
      cmd: 'publish',
      topic: 'a/b',
      payload: Buffer.alloc(200),
      qos: 1,
      dup: false,
      retain: false,
      messageId: 1,
    },
    { cmd: 'publish', topic: 'a', payload: '', qos: 0, dup: false, retain: false },
    { cmd: 'subscribe', subscriptions: [{ topic: 'a', qos: 1 }], messageId: 2 },
    { cmd: 'unsubscribe', unsubscriptions: ['a'], messageId: 3 },
    { cmd: 'puback', messageId: 4 },
    { cmd: 'pubrel', messageId: 4 },
    { cmd: 'pingreq' },
    { cmd: 'disconnect' },
  ];
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...packets), { maxLength: 12 }),
      fc.array(fc.nat(800), { maxLength: 10 }),
      (chosen, cuts) => {
        const bytes = Buffer.concat([connect, ...chosen.map((packet) => mqtt.generate(packet))]);
        const sorted = cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b);
        const scanner = scanAll(bytes, sorted);
        t.is(scanner.breach, undefined);
        t.true(scanner.atBoundary);
        t.is(scanner.publishes, chosen.filter((packet) => packet.cmd === 'publish').length);
      },
    ),
  );
});

test('advance stops at the end of the first packet', (t) => {
  const scanner = new PacketScanner(limits);
  const bytes = Buffer.concat([connect, mqtt.generate({ cmd: 'pingreq' })]);
  t.is(scanner.advance(bytes, 0), connect.length);
  t.true(scanner.atBoundary);
});

for (const [what, bytes, breach] of [
  ['PUBLISH before CONNECT', [0x30, 2], 'not-connect'],
  ['a web browser', [...Buffer.from('GET / HTTP/1.1')], 'not-connect'],
  ['CONNECT twice', [...connect, ...connect], 'second-connect'],
  ['CONNECT of 101 bytes', [0x10, 101], 'packet-too-large'],
  ['CONNECT of 256 MB', [0x10, 0xff, 0xff, 0xff, 0x7f], 'packet-too-large'],
  ['PUBLISH of 301 bytes', [...connect, 0x30, 0xad, 0x02], 'packet-too-large'],
  ['PUBLISH of 256 MB', [...connect, 0x32, 0xff, 0xff, 0xff, 0x7f], 'packet-too-large'],
  ['PUBACK of 3 bytes', [...connect, 0x40, 3], 'packet-too-large'],
  ['PINGREQ with a body', [...connect, 0xc0, 1], 'packet-too-large'],
  ['a length field of five bytes', [...connect, 0x30, 0x80, 0x80, 0x80, 0x80], 'bad-length'],
  ['packet type 0', [...connect, 0x00, 0], 'bad-packet-type'],
  ['CONNACK from a client', [...connect, 0x20, 2], 'bad-packet-type'],
  ['packet type 15', [...connect, 0xf0, 0], 'bad-packet-type'],
] as const) {
  test(`is refused: ${what}`, (t) => {
    t.is(scanAll(Uint8Array.from(bytes)).breach, breach);
  });
}

test('a packet at its limit passes', (t) => {
  t.is(scanAll(Uint8Array.from([0x10, 100])).breach, undefined);
  t.is(scanAll(Uint8Array.from([...connect, 0x30, 0xac, 0x02])).breach, undefined);
});

test('any bytes are scanned without throwing and never past the chunk', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const scanner = new PacketScanner(limits);
      let at = 0;
      while (at < bytes.length && scanner.breach === undefined) {
        const next = scanner.advance(bytes, at);
        t.true(next > at && next <= bytes.length);
        at = next;
      }
    }),
  );
});
