import test from 'ava';
import fc from 'fast-check';
import { crc16, frameRtu } from './adu.js';
import { AsciiFraming, frameAscii } from './ascii-framing.js';
import { encodeRequest, type ModbusRequest } from './frame.js';
import type { Framing } from './framing.js';
import { RtuFraming } from './rtu-framing.js';

const read: ModbusRequest = { op: 'read', unit: 1, kind: 'holding', offset: 0, count: 1 };
const write: ModbusRequest = { op: 'write', unit: 1, kind: 'holding', offset: 4, words: [9] };
const reply = (value: number): Uint8Array => frameRtu(1, Uint8Array.of(3, 2, 0, value));
const both = (a: Uint8Array, b: Uint8Array): Uint8Array => Uint8Array.from([...a, ...b]);
const words = (framing: Framing, bytes: Uint8Array): readonly number[] | undefined => {
  const [answer] = framing.receive(bytes).answers;
  return answer?.reply?.kind === 'data' ? answer.reply.words : undefined;
};

test('an adapter that echoes costs nothing, byte by byte or in one piece', (t) => {
  const framing = new RtuFraming(9600);
  const { bytes } = framing.begin(read);
  t.deepEqual(words(framing, both(bytes, reply(7))), [7]);
  const second = framing.begin(read).bytes;
  let found: readonly number[] | undefined;
  for (const byte of both(second, reply(8))) found = words(framing, Uint8Array.of(byte)) ?? found;
  t.deepEqual(found, [8]);
});

test('once an adapter is known to echo, a write needs its answer behind the echo', (t) => {
  const framing = new RtuFraming(9600);
  words(framing, both(framing.begin(read).bytes, reply(1)));
  const { bytes } = framing.begin(write);
  t.is(framing.receive(bytes).answers.length, 0, 'only the echo came');
  t.is(framing.receive(bytes).answers.length, 1);
});

test('without an echo a write is answered by the same bytes', (t) => {
  const framing = new RtuFraming(9600);
  framing.begin(read);
  words(framing, reply(1));
  const { bytes } = framing.begin(write);
  t.is(framing.receive(bytes).answers.length, 1);
});

test('the echo of a read of bits that looks like its reply is not taken for it', (t) => {
  const bits: ModbusRequest = { op: 'read', unit: 1, kind: 'coil', offset: 0x0305, count: 20 };
  const framing = new RtuFraming(9600);
  const { bytes } = framing.begin(bits);
  t.is(framing.receive(bytes).answers.length, 0);
  const answer = frameRtu(1, Uint8Array.of(1, 3, 0xff, 0xff, 0x0f));
  t.is(words(framing, answer)?.length, 20);
});

test('a reply is found behind noise that looks like the beginning of one, and counted', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 0, max: 255 }),
      (noise, value) => {
        const plausible = both(Uint8Array.of(1, 3, 2, 0), noise);
        const noisy = both(plausible, reply(value));
        // One in 65,536 has the checksum of what it looks like: nobody could tell.
        fc.pre(crc16(noisy, 0, 5) !== ((noisy[5] ?? 0) | ((noisy[6] ?? 0) << 8)));
        const framing = new RtuFraming(9600);
        framing.begin(read);
        const received = framing.receive(noisy);
        t.deepEqual(received.answers[0]?.reply, { kind: 'data', words: [value] });
        t.true(received.resynchronised);
      },
    ),
  );
});

test('any bytes leave the framing usable', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 10 }), (chunks) => {
      for (const framing of [new RtuFraming(9600), new AsciiFraming(9600)]) {
        framing.begin(read);
        for (const chunk of chunks) framing.receive(chunk);
        framing.begin(read);
        const pdu = Uint8Array.of(3, 2, 0, 5);
        const isAscii = framing instanceof AsciiFraming;
        t.deepEqual(words(framing, isAscii ? frameAscii(1, pdu) : frameRtu(1, pdu)), [5]);
      }
    }),
  );
});

test('functions that no library has over serial lines: mask write, identity, a maker’s own', (t) => {
  const framing = new RtuFraming(9600);
  const mask: ModbusRequest = { op: 'mask', unit: 1, offset: 4, and: 0xf2, or: 0x25 };
  // The example of V1.1b3 section 6.16.
  t.deepEqual([...encodeRequest(mask)], [0x16, 0, 4, 0, 0xf2, 0, 0x25]);
  framing.begin(mask);
  t.is(framing.receive(frameRtu(1, encodeRequest(mask))).answers.length, 1);
  // The energy reset of a PZEM-004T: function 0x42 without data.
  framing.begin({ op: 'call', unit: 1, code: 0x42, data: [], replyBytes: 0 });
  t.deepEqual(words(framing, Uint8Array.of(1, 0x42, 0x80, 0x11)), []);
  framing.begin({ op: 'identify', unit: 1, level: 1, object: 0 });
  const objects = [0, 3, 0x41, 0x42, 0x43, 1, 2, 0x44, 0x45];
  const identity = frameRtu(1, Uint8Array.of(0x2b, 14, 1, 1, 0, 0, 2, ...objects));
  t.is(framing.receive(identity.slice(0, 9)).answers.length, 0);
  t.is(words(framing, identity.slice(9))?.length, 15);
});

test('ASCII: the example of the specification, noise before it, and a damaged line', (t) => {
  const framing = new AsciiFraming(9600);
  const coils: ModbusRequest = { op: 'read', unit: 1, kind: 'coil', offset: 0, count: 8 };
  const { bytes } = framing.begin(coils);
  t.is(String.fromCharCode(...bytes), ':010100000008F6\r\n');
  const answer = frameAscii(1, Uint8Array.of(1, 1, 0xa5));
  t.deepEqual(
    words(framing, both(Uint8Array.of(0x3a, 0x30, 0x7f), answer)),
    [1, 0, 1, 0, 0, 1, 0, 1],
  );
  framing.begin(coils);
  answer[4] = 0x39;
  const received = framing.receive(answer);
  t.is(received.answers.length, 0);
  t.true(received.isDamaged);
});
