import test from 'ava';
import fc from 'fast-check';
import { crc16, findRtuReply, frameMbap, frameRtu, MBAP_MAX, takeMbap } from './adu.js';
import {
  decodeReply,
  encodeRequest,
  exceptionName,
  functionCode,
  READ_MAX,
  replyLength,
  WRITE_MAX,
  type ModbusReply,
  type ModbusRequest,
} from './frame.js';

const kinds = ['coil', 'discrete', 'holding', 'input'] as const;
const address = fc.integer({ min: 0, max: 0xffff });
const unit = fc.integer({ min: 0, max: 255 });
const anyBytes = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });

const requests: fc.Arbitrary<ModbusRequest> = fc.oneof(
  fc.constantFrom(...kinds).chain((kind) =>
    fc.record({
      op: fc.constant('read' as const),
      unit,
      kind: fc.constant(kind),
      offset: address,
      count: fc.integer({
        min: 1,
        max: kind === 'coil' || kind === 'discrete' ? READ_MAX.bits : READ_MAX.registers,
      }),
    }),
  ),
  fc.record({
    op: fc.constant('write' as const),
    unit,
    kind: fc.constant('holding' as const),
    offset: address,
    words: fc.array(address, { minLength: 1, maxLength: WRITE_MAX.registers }),
  }),
  fc.record({
    op: fc.constant('write' as const),
    unit,
    kind: fc.constant('coil' as const),
    offset: address,
    words: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: WRITE_MAX.bits }),
  }),
);

/** What a faithful device answers: independent of the encoder for reads. */
function honestReply(request: ModbusRequest, fill: (at: number) => number): Uint8Array {
  if (request.op === 'write') return encodeRequest(request).slice(0, 5);
  const length = replyLength(request);
  return Uint8Array.from({ length }, (_, at) =>
    at === 0 ? functionCode(request) : at === 1 ? length - 2 : fill(at) & 0xff,
  );
}

test('frames are those of the specification and of libmodbus', (t) => {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const read = { op: 'read', unit: 0x11, kind: 'holding', offset: 0x6b, count: 3 } as const;
  t.is(hex(frameRtu(read.unit, encodeRequest(read))), '1103006b00037687');
  const senseair = { op: 'read', unit: 0xfe, kind: 'input', offset: 3, count: 1 } as const;
  t.is(hex(frameRtu(senseair.unit, encodeRequest(senseair))), 'fe0400030001d5c5');
  const coil = { op: 'write', unit: 1, kind: 'coil', offset: 0xac, words: [1] } as const;
  t.is(hex(encodeRequest(coil)), '0500acff00');
  const register = { op: 'write', unit: 1, kind: 'holding', offset: 1, words: [3] } as const;
  t.is(hex(encodeRequest(register)), '0600010003');
  t.is(hex(encodeRequest({ ...coil, several: true })), '0f00ac00010101');
  t.is(hex(encodeRequest({ ...register, several: true })), '1000010001020003');
  const bits = [1, 0, 1, 1, 0, 0, 1, 1, 1, 0];
  const coils = { op: 'write', unit: 1, kind: 'coil', offset: 0x13, words: bits } as const;
  t.is(hex(encodeRequest(coils)), '0f0013000a02cd01');
  const registers = {
    op: 'write',
    unit: 1,
    kind: 'holding',
    offset: 1,
    words: [10, 0x102],
  } as const;
  t.is(hex(encodeRequest(registers)), '1000010002' + '04000a0102');
  t.is(hex(frameMbap(0x1501, 0xff, encodeRequest(read))), '150100000006ff03006b0003');
  t.is(crc16(new TextEncoder().encode('123456789')), 0x4b37);
});

test('a request and its reply never exceed the frames of the specification', (t) => {
  fc.assert(
    fc.property(requests, (request) => {
      t.true(frameRtu(request.unit, encodeRequest(request)).length <= 256);
      t.true(replyLength(request) + 3 <= 256);
      t.true(frameMbap(1, request.unit, encodeRequest(request)).length <= MBAP_MAX);
    }),
  );
});

test('an RTU reply is found behind noise, behind an echo of the request and before more noise', (t) => {
  fc.assert(
    fc.property(requests, anyBytes(40), anyBytes(40), fc.boolean(), (request, head, tail, echo) => {
      const pdu = honestReply(request, (at) => at * 7);
      const sent = frameRtu(request.unit, encodeRequest(request));
      const echoed = echo && request.op === 'read' ? sent : new Uint8Array(0);
      const bytes = Uint8Array.from([...echoed, ...head, ...frameRtu(request.unit, pdu), ...tail]);
      const search = findRtuReply(request, bytes);
      t.true(search.found);
      if (search.found) t.deepEqual(search.reply, decodeReply(request, pdu));
    }),
  );
});

test('registers and bits arrive in order', (t) => {
  const registers = { op: 'read', unit: 1, kind: 'input', offset: 0, count: 2 } as const;
  t.deepEqual(decodeReply(registers, Uint8Array.of(4, 4, 0x12, 0x34, 0xff, 0xfe)), {
    kind: 'data',
    words: [0x1234, 0xfffe],
  });
  const bits = { op: 'read', unit: 1, kind: 'discrete', offset: 0, count: 10 } as const;
  t.deepEqual(decodeReply(bits, Uint8Array.of(2, 2, 0b1000_0101, 0b10)), {
    kind: 'data',
    words: [1, 0, 1, 0, 0, 0, 0, 1, 0, 1],
  });
});

test('a reply that does not fit the request is no reply', (t) => {
  const read = { op: 'read', unit: 1, kind: 'holding', offset: 0, count: 2 } as const;
  const write = { op: 'write', unit: 1, kind: 'holding', offset: 1, words: [5] } as const;
  for (const [request, pdu, why] of [
    [read, [3, 2, 0, 7], 'fewer registers than asked for'],
    [read, [3, 4, 0, 7, 0], 'shorter than its byte count'],
    [read, [3, 2, 0, 7, 0, 8], 'byte count that lies'],
    [read, [4, 4, 0, 7, 0, 8], 'another function'],
    [read, [0x84, 2], 'exception of another function'],
    [read, [], 'nothing'],
    [write, [6, 0, 9, 0, 5], 'echo of another address'],
    [write, [6, 0, 1, 0xde, 0xad], 'echo of another value'],
  ] as const)
    t.is(decodeReply(request, Uint8Array.from(pdu)), undefined, why);
  t.deepEqual(decodeReply(read, Uint8Array.of(0x83, 2)), { kind: 'exception', code: 2 });
  t.is(exceptionName(2), 'ILLEGAL DATA ADDRESS');
  t.is(exceptionName(77), 'UNKNOWN EXCEPTION');
});

test('a flipped bit of an RTU reply is never taken, and counts as a checksum error', (t) => {
  fc.assert(
    fc.property(requests, fc.nat(), (request, at) => {
      const frame = frameRtu(
        request.unit,
        honestReply(request, (byte) => byte * 31),
      );
      const bit = at % ((frame.length - 2) * 8 - 16);
      frame[2 + (bit >> 3)] = (frame[2 + (bit >> 3)] ?? 0) ^ (1 << (bit & 7));
      const search = findRtuReply(request, frame);
      t.false(search.found);
      t.is(!search.found && search.crcError, true);
    }),
  );
});

test('hostile bytes neither throw nor become a reply to another unit', (t) => {
  fc.assert(
    fc.property(requests, anyBytes(600), (request, bytes) => {
      findRtuReply(request, bytes);
      decodeReply(request, bytes);
      const other = frameRtu(
        (request.unit + 1) & 0xff,
        honestReply(request, () => 0),
      );
      t.false(findRtuReply(request, other).found);
    }),
    { numRuns: 2000 },
  );
});

test('MBAP frames are taken one by one from any split, and what is none loses the stream', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          transaction: address,
          unit,
          pdu: fc.uint8Array({ minLength: 2, maxLength: 253 }),
        }),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
      fc.nat(),
      (frames, cut) => {
        let bytes = Uint8Array.from(
          frames.flatMap((frame) => [...frameMbap(frame.transaction, frame.unit, frame.pdu)]),
        );
        for (const frame of frames) {
          const taken = takeMbap(bytes);
          t.is(taken.kind, 'frame');
          if (taken.kind !== 'frame') return;
          t.deepEqual(
            { ...taken.frame, pdu: [...taken.frame.pdu] },
            { ...frame, pdu: [...frame.pdu] },
          );
          t.is(takeMbap(bytes.subarray(0, cut % (7 + frame.pdu.length))).kind, 'incomplete');
          bytes = Uint8Array.from(taken.rest);
        }
      },
    ),
  );
  t.is(takeMbap(Uint8Array.of(0, 1, 0, 7, 0, 3, 1)).kind, 'lost');
  t.is(takeMbap(Uint8Array.of(0, 1, 0, 0, 0xff, 0xff, 1)).kind, 'lost');
  t.is(takeMbap(Uint8Array.of(0, 1, 0, 0, 0, 2, 1)).kind, 'lost');
});

test('hostile bytes to the MBAP reader end as a frame, a wait or a lost stream', (t) => {
  fc.assert(
    fc.property(anyBytes(400), (bytes) => {
      const taken = takeMbap(bytes);
      if (taken.kind === 'incomplete') t.true(bytes.length < MBAP_MAX);
      if (taken.kind === 'frame') t.true(taken.frame.pdu.length <= 253);
    }),
    { numRuns: 3000 },
  );
});

test('a reply is data or an exception, never anything else', (t) => {
  fc.assert(
    fc.property(requests, anyBytes(255), (request, pdu) => {
      const reply: ModbusReply | undefined = decodeReply(request, pdu);
      if (reply?.kind === 'data')
        t.is(reply.words.length, request.op === 'read' ? request.count : 0);
      else t.pass();
    }),
  );
});
