import test from 'ava';
import fc from 'fast-check';
import { CODED_LIMITS } from '../limits.js';
import { bitmapOfRuns, runsOfBitmap } from './ack-runs.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter, varintBytes } from './byte-writer.js';
import { decodeCargo, encodeCargo, type Cargo } from './cargo.js';
import type { Frame } from './frame.js';
import { decodeFrames } from './frame-reader.js';
import { frameLength, writeFrame } from './frame-writer.js';
import {
  decodeForeignVersion,
  decodePacket,
  headerLength,
  WIRE_VERSION,
  writeHeader,
  type PacketHeader,
} from './packet-header.js';
import { expandNumber, truncateNumber } from './truncated-number.js';

const bytes = (maxLength: number, minLength = 0): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const priority = fc.constantFrom('control', 'twin', 'samples', 'bulk' as const);

const anyHeader: fc.Arbitrary<PacketHeader> = fc.oneof(
  fc.record({
    kind: fc.constant('short' as const),
    keyPhase: fc.constantFrom(0 as const, 1 as const),
    ackNow: fc.boolean(),
    connectionId: bytes(8, 8),
    packetNumber: u32,
  }),
  fc.record({
    kind: fc.constantFrom('initial' as const, 'handshake' as const, 'retry' as const),
    version: fc.constant(WIRE_VERSION),
    destination: bytes(20),
    source: bytes(20),
    token: bytes(255),
    packetNumber: u32,
  }),
);

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u24 = fc.integer({ min: 0, max: 0xff_ffff });

const runs = fc
  .tuple(
    fc.integer({ min: 1, max: 40_000 }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 })), {
      maxLength: 31,
    }),
  )
  .map(([first, more]) => [first, ...more.flat()]);

const members = (span: number): fc.Arbitrary<Uint8Array | undefined> =>
  fc.option(bytes(Math.ceil(span / 8), Math.ceil(span / 8)), { nil: undefined });

const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.constant<Frame>({ kind: 'ping' }),
  fc.record({
    kind: fc.constant('ack' as const),
    largest: u32,
    delayMs: u16.map((ticks) => ticks / 32),
    received: u16,
    runs,
  }),
  fc.record({
    kind: fc.constant('symbols' as const),
    base: u24,
    undecided: u8,
    known: bytes(128),
  }),
  fc.record({
    kind: fc.constant('arrivals' as const),
    largest: u32,
    time: u32,
    earlier: fc.array(fc.record({ numberBack: fc.integer({ min: 1, max: 255 }), timeBack: u16 }), {
      maxLength: 15,
    }),
  }),
  fc.record({ kind: fc.constant('source' as const), symbol: u24, data: bytes(40) }),
  fc.integer({ min: 1, max: 255 }).chain((span) =>
    fc.record({
      kind: fc.constant('repair' as const),
      start: u24,
      span: fc.constant(span),
      seed: u16,
      members: members(span),
      data: bytes(40),
    }),
  ),
  fc.record({
    kind: fc.constant('vector' as const),
    start: u24,
    coefficients: bytes(255, 1),
    data: bytes(40),
  }),
  fc.record({
    kind: fc.constant('batch' as const),
    batch: u24,
    start: u24,
    coefficients: bytes(32, 1),
    data: bytes(40),
  }),
  fc.record({
    kind: fc.constantFrom('pathChallenge' as const, 'pathResponse' as const),
    data: bytes(8, 8),
  }),
  fc.record({ kind: fc.constant('close' as const), code: u8, detail: bytes(123) }),
  fc.record({ kind: fc.constant('handshake' as const), offset: count, data: bytes(40) }),
  fc.record({
    kind: fc.constant('connectionId' as const),
    sequence: count,
    retireBefore: count,
    connectionId: bytes(8, 8),
    resetToken: bytes(16, 16),
  }),
);

const anyCargo: fc.Arbitrary<Cargo> = fc.oneof(
  fc.record({ kind: fc.constant('message' as const), priority, data: bytes(40) }),
  fc.record({
    kind: fc.constant('part' as const),
    priority,
    message: count,
    offset: count,
    total: count,
    data: bytes(40),
  }),
  fc.record({
    kind: fc.constant('stream' as const),
    stream: count,
    offset: count,
    fin: fc.boolean(),
    data: bytes(40),
  }),
  fc.record({
    kind: fc.constant('streamReset' as const),
    stream: count,
    code: count,
    offset: count,
  }),
  fc.record({ kind: fc.constant('streamStop' as const), stream: count, code: count }),
  fc.record({ kind: fc.constant('streamsCredit' as const), limit: count }),
  fc.record({ kind: fc.constant('streamCredit' as const), stream: count, limit: count }),
  fc.record({ kind: fc.constant('classCredit' as const), priority, limit: count }),
  fc.record({ kind: fc.constant('control' as const), data: bytes(40) }),
);

test('every header and its payload come back', (t) => {
  fc.assert(
    fc.property(anyHeader, bytes(200), (header, payload) => {
      const writer = new ByteWriter(1_472);
      writeHeader(writer, header);
      t.is(writer.length, headerLength(header));
      writer.bytes(payload);
      const packet = decodePacket(writer.written());
      t.deepEqual(packet.ok ? packet.value.header : packet.refusal, header);
      t.deepEqual(packet.ok && packet.value.payload, payload);
      t.is(packet.ok && packet.value.headerBytes.length, headerLength(header));
    }),
  );
});

test('every sequence of frames comes back, in exactly the bytes that were told before', (t) => {
  fc.assert(
    fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 12 }), (frames) => {
      const writer = new ByteWriter(16_384);
      frames.forEach((frame, index) => {
        const last = index === frames.length - 1;
        const before = writer.length;
        writeFrame(writer, frame, last);
        t.is(writer.length - before, frameLength(frame, last), frame.kind);
      });
      const decoded = decodeFrames(writer.written());
      t.deepEqual(decoded.ok ? decoded.value : decoded.refusal, frames);
    }),
    { numRuns: 1_000 },
  );
});

test('every prefix of a packet is a packet or a typed refusal', (t) => {
  fc.assert(
    fc.property(anyFrame, (frame) => {
      const writer = new ByteWriter(4_096);
      writeFrame(writer, frame);
      const whole = writer.written();
      for (let length = 0; length < whole.length; length++) {
        const decoded = decodeFrames(whole.subarray(0, length));
        if (!decoded.ok) t.true(['short', 'unknown', 'range'].includes(decoded.refusal));
      }
    }),
  );
});

test('every cargo comes back', (t) => {
  fc.assert(
    fc.property(anyCargo, (cargo) => {
      const decoded = decodeCargo(encodeCargo(cargo));
      t.deepEqual(decoded.ok ? decoded.value : decoded.refusal, cargo);
    }),
    { numRuns: 1_000 },
  );
});

test('an acknowledgement takes the shorter of its two forms', (t) => {
  t.deepEqual(bitmapOfRuns([1]), new Uint8Array(0));
  t.is(bitmapOfRuns([60]), undefined); // one byte as a run, eight as a bitmap
  t.deepEqual(bitmapOfRuns([1, 1, 1, 2, 3]), Uint8Array.of(0b0111_0010));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 60 }), (more) => {
      const runs = [1, ...(more.length % 2 === 0 ? more : more.slice(1))];
      const bitmap = bitmapOfRuns(runs);
      if (bitmap !== undefined) t.deepEqual(runsOfBitmap(bitmap), runs);
    }),
  );
});

test('numbers: every varint comes back in its shortest form', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        count,
        fc.constantFrom(0, 63, 64, 16_383, 16_384, 2 ** 30 - 1, 2 ** 30, 2 ** 53 - 1),
      ),
      (value) => {
        const writer = new ByteWriter(8);
        writer.varint(value);
        t.is(writer.length, varintBytes(value));
        t.is(new ByteReader(writer.written()).varint(), value);
      },
    ),
  );
  const tooLarge = new ByteReader(new Uint8Array(8).fill(0xff));
  t.is(tooLarge.varint(), 0);
  t.true(tooLarge.failed);
});

test('numbers: what was cut off is found again, near zero and over each wrap', (t) => {
  fc.assert(
    fc.property(
      fc.constantFrom(24, 32),
      fc.nat({ max: 2 ** 50 }),
      fc.integer({ min: -(2 ** 22), max: 2 ** 22 }),
      (bits, expected, away) => {
        const full = Math.max(0, expected + away);
        t.is(expandNumber(truncateNumber(full, bits), bits, expected), full);
      },
    ),
    { numRuns: 2_000 },
  );
  t.is(expandNumber(0xff_ffff, 24, 2), 0xff_ffff); // never negative
});

test('a packet of another version is told apart from a damaged one', (t) => {
  const foreign = Uint8Array.of(0xc0, 0, 0, 0, 9, 2, 1, 2, 1, 7, 0);
  t.deepEqual(decodePacket(foreign), { ok: false, refusal: 'version' });
  const ids = decodeForeignVersion(foreign);
  t.deepEqual(ids.ok && ids.value, {
    version: 9,
    destination: Uint8Array.of(1, 2),
    source: Uint8Array.of(7),
  });
  t.deepEqual(decodePacket(Uint8Array.of(0xc0, 0)), { ok: false, refusal: 'short' });
  t.deepEqual(decodePacket(new Uint8Array(0)), { ok: false, refusal: 'short' });
  t.deepEqual(decodePacket(Uint8Array.of(0x41)), { ok: false, refusal: 'reserved' });
  t.deepEqual(decodePacket(new Uint8Array(1_473)), { ok: false, refusal: 'long' });
});

for (const [what, hex, refusal] of [
  ['a frame of no known type', '3f', 'unknown'],
  ['two runs', '0200000001000000010201', 'range'],
  ['a run of nothing', '0200000001000000010100', 'range'],
  ['a bitmap of symbols that ends too soon', '0400000000ff', 'short'],
  ['a row over nothing', '08000001000000', 'range'],
  ['a batch of 33', '0e00000100000121', 'range'],
  ['an arrival of the same packet twice', '0500000001000000010100ffff', 'range'],
  ['data shorter than its length', '07000001ffff00', 'short'],
] as const) {
  test(`refused: ${what}`, (t) => {
    const payload = Uint8Array.from(Buffer.from(hex, 'hex'));
    const decoded = decodeFrames(payload);
    t.deepEqual(decoded, { ok: false, refusal });
  });
}

test('refused: more frames than a packet may have; padding counts once', (t) => {
  const pings = new Uint8Array(CODED_LIMITS.framesPerPacket + 1).fill(1);
  t.deepEqual(decodeFrames(pings), { ok: false, refusal: 'long' });
  const padded = decodeFrames(new Uint8Array(1_200));
  t.is(padded.ok && padded.value.length, 1);
});
