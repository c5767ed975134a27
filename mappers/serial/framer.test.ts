import fc from 'fast-check';
import test from 'ava';
import type { Checksum } from './checksum.js';
import { checksumOf } from './checksum.js';
import { Framer } from './framer.js';
import { delimited, fixed, lengthPrefixed, lines, startEnd } from './matcher.js';
import type { Matcher } from './matcher.js';
import { cobs, slip } from './stuffing.js';

const hex = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const MAX = 64;
const SUM: Checksum = { kind: 'sum16be', from: 0, to: -2, at: -2, hex: false };

const MATCHERS: Readonly<Record<string, Matcher>> = {
  lines: lines(MAX),
  delimited: delimited(hex('0d0a'), MAX),
  fixed: fixed(hex('424d'), 10),
  lengthPrefixed: lengthPrefixed(hex('424d'), { at: 2, type: 'uint16be', add: 4 }, MAX),
  startEnd: startEnd(hex('02'), hex('03'), MAX),
  startEndTail: startEnd(hex('02'), hex('03'), MAX, 4),
  slip: slip(MAX),
  cobs: cobs(MAX),
};

/** A frame of Plantower's form around this body. */
function plantower(body: Uint8Array): Uint8Array {
  const head = [0x42, 0x4d, 0, body.length + 2, ...body];
  const sum = checksumOf('sum16be', Uint8Array.from(head));
  return Uint8Array.from([...head, sum >> 8, sum & 0xff]);
}

test('frames are the same however the bytes are cut', (t) => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  // Bytes that mean something to a matcher come often.
  const telling = fc
    .array(fc.constantFrom(0x42, 0x4d, 0, 2, 3, 4, 0x0d, 0x0a, 0xc0, 0xdb, 0xdc), {
      maxLength: 200,
    })
    .map((list) => Uint8Array.from(list));
  for (const match of Object.values(MATCHERS))
    fc.assert(
      fc.property(fc.oneof(bytes, telling), fc.array(fc.nat(20)), (stream, cuts) => {
        const atOnce = new Framer(match, undefined).push(stream);
        const framer = new Framer(match, undefined);
        const pieces: Uint8Array[] = [];
        let rest = stream;
        for (const cut of cuts) {
          pieces.push(...framer.push(rest.subarray(0, cut)));
          rest = rest.subarray(cut);
        }
        pieces.push(...framer.push(rest));
        t.deepEqual(pieces, atOnce);
      }),
    );
});

test('frames between noise and damaged frames are all found, and nothing else', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          body: fc.uint8Array({ minLength: 1, maxLength: 30 }),
          // Beginnings of a frame, among other noise; never the end of a whole one.
          noise: fc.array(fc.constantFrom(0x42, 0x4d, 0, 0xff, 7), { maxLength: 6 }),
          flip: fc.option(fc.nat(200), { nil: undefined }),
        }),
        { maxLength: 12 },
      ),
      (parts) => {
        const stream: number[] = [];
        const sound: Uint8Array[] = [];
        for (const { body, noise, flip } of parts) {
          const frame = plantower(body);
          if (flip === undefined) sound.push(frame);
          else frame[flip % frame.length] = (frame[flip % frame.length] ?? 0) ^ 0x10;
          stream.push(...noise, ...frame);
        }
        // Enough after it, so that a false length at the end does not wait for more.
        stream.push(...new Array<number>(2 * MAX).fill(0xff));
        const framer = new Framer(MATCHERS['lengthPrefixed'] ?? fixed(hex('00'), 1), SUM);
        const found = framer.push(Uint8Array.from(stream));
        const has = (frame: Uint8Array): boolean =>
          found.some((one) => Buffer.compare(one, frame) === 0);
        for (const frame of sound) t.true(has(frame));
      },
    ),
  );
});

test('after a false start the frame inside it is found', (t) => {
  const frame = plantower(hex('01 02 03'));
  const framer = new Framer(
    lengthPrefixed(hex('424d'), { at: 2, type: 'uint16be', add: 4 }, MAX),
    SUM,
  );
  // A start and a length that swallow the true frame.
  const stream = [...hex('42 4d 00 05'), ...frame, ...hex('00 00 00')];
  t.deepEqual(
    framer.push(Uint8Array.from(stream)).map((found) => Array.from(found)),
    [Array.from(frame)],
  );
  t.is(framer.counters.falseFrames, 1);
});

test('what never ends is given up, and the frame after it is found', (t) => {
  for (const [name, match] of Object.entries(MATCHERS)) {
    const framer = new Framer(match, undefined);
    for (let i = 0; i < 100; i++) framer.push(new Uint8Array(1000).fill(0x42));
    t.true(framer.counters.noiseBytes >= 99_000, name);
  }
});

test('lines end with CR, LF or both; empty ones are none', (t) => {
  const framer = new Framer(lines(MAX), undefined);
  const found = framer.push(ascii('a\r\n\r\nb\rc\n\nd'));
  t.deepEqual(
    found.map((line) => Buffer.from(line).toString()),
    ['a', 'b', 'c'],
  );
});

test('SLIP and COBS undo their escapes', (t) => {
  t.deepEqual(new Framer(slip(MAX), undefined).push(hex('c0 01 dbdc 02 dbdd c0')), [
    hex('01 c0 02 db'),
  ]);
  // Cheshire and Baker's example.
  t.deepEqual(new Framer(cobs(MAX), undefined).push(hex('03 1122 02 33 00')), [hex('1122 00 33')]);
  t.deepEqual(new Framer(cobs(MAX), undefined).push(hex('01 01 01 00')), [hex('00 00')]);
});

test('a broken escape is noise', (t) => {
  const framer = new Framer(slip(MAX), undefined);
  t.deepEqual(framer.push(hex('01 db 05 c0 02 c0')), [hex('02')]);
  t.is(framer.counters.noiseBytes, 4);
});

test('silence ends a frame, or makes it noise', (t) => {
  const framer = new Framer(() => ({ kind: 'more' }), SUM);
  framer.push(plantower(hex('05')));
  t.deepEqual(framer.silence(true), [plantower(hex('05'))]);
  framer.push(hex('01 02 03'));
  t.deepEqual(framer.silence(true), []);
  framer.push(hex('01'));
  t.deepEqual(framer.silence(false), []);
  t.deepEqual(framer.counters, { frames: 1, falseFrames: 1, noiseBytes: 1 });
});
