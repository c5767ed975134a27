import { deflateRawSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { MessageCompression } from './message-compression.js';
import { decodeMessage, encodeMessage, FLAG_COMPRESSED } from './message-codec.js';
import * as arbitrary from './message-codec-arbitrary.test.js';
import { DICTIONARIES, DICTIONARY_IDS, dictionaryFeatures } from './message-dictionary.js';
import { SessionCodec } from './session-codec.js';
import type { SyncMessage, Welcome } from './sync-message.js';

const compression = new MessageCompression(DICTIONARIES[0] ?? { id: '', bytes: new Uint8Array() });

const anyMessage: fc.Arbitrary<SyncMessage> = fc.oneof(
  ...arbitrary.KINDS.map((kind) => arbitrary.message(kind)),
);

const ACK: SyncMessage = { kind: 'ack', epoch: 3, id: 7, rejects: [] };

const WELCOME: Welcome = {
  kind: 'welcome',
  epoch: 3,
  lineage: 'a000000000000001',
  gen: 1,
  fork: false,
  resync: false,
  known: { state: 0, samples: 0 },
  hubLineage: 'c000000000000001',
  hubGen: 1,
  hubBoot: 'd000000000000001',
  adopt: false,
  protocol: 1,
  features: dictionaryFeatures(DICTIONARY_IDS),
  messageBytes: LIMITS.messageBytes,
  monotonicMs: 0,
};

function refusal(bytes: Uint8Array): string | undefined {
  try {
    compression.unpack(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    return error.code;
  }
}

test('whatever is packed unpacks to the same bytes, and is never longer', (t) => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const plain = encodeMessage(message);
      const packed = compression.pack(plain);
      t.true(packed.length <= plain.length);
      t.deepEqual(compression.unpack(packed), plain);
      return true;
    }),
  );
});

test('noise stays plain: a longer form is never sent', (t) => {
  const noise = Uint8Array.from({ length: 40 }, (_, index) => (index * 151 + 7) & 0xff);
  const plain = Uint8Array.of(1, 0, ...noise);
  t.is(compression.pack(plain), plain);
});

test('a bomb is refused while it is unpacked, a message at the limit is not', (t) => {
  const packed = (length: number): Uint8Array =>
    Uint8Array.of(1, FLAG_COMPRESSED, ...deflateRawSync(Buffer.alloc(length, 0x20)));
  const bomb = packed(100 * 1024 * 1024);
  t.true(bomb.length < LIMITS.messageBytes);
  const before = process.memoryUsage().arrayBuffers;
  t.is(refusal(bomb), 'EDGE_LIMIT');
  t.true(process.memoryUsage().arrayBuffers - before < 4 * LIMITS.messageBytes);
  t.is(refusal(packed(LIMITS.messageBytes - 1)), 'EDGE_LIMIT');
  t.is(compression.unpack(packed(LIMITS.messageBytes - 2)).length, LIMITS.messageBytes);
});

test('hostile bytes unpack to something that the codec judges, or are malformed', (t) => {
  const packed = compression.pack(encodeMessage(ACK));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
      const code = refusal(Uint8Array.of(1, FLAG_COMPRESSED, ...body));
      return code === undefined || code === 'EDGE_MALFORMED' || code === 'EDGE_LIMIT';
    }),
  );
  for (let end = 2; end < packed.length; end++)
    t.is(refusal(packed.subarray(0, end)), 'EDGE_MALFORMED', `cut at ${end}`);
  t.is(refusal(new Uint8Array()), undefined, 'left to the codec');
});

test('a session is plain until WELCOME names a dictionary that this end has', (t) => {
  const [gateway, hub] = [new SessionCodec(), new SessionCodec()];
  const flagsOf = (bytes: Uint8Array): number => bytes[1] ?? 0;
  t.is(flagsOf(gateway.encode(ACK)), 0);
  const welcome = hub.encode(WELCOME);
  t.is(flagsOf(welcome), 0);
  t.deepEqual(gateway.decode(welcome).message, WELCOME);
  for (const [from, to] of [
    [gateway, hub],
    [hub, gateway],
  ] as const) {
    const bytes = from.encode(ACK);
    t.is(flagsOf(bytes), FLAG_COMPRESSED);
    t.deepEqual(to.decode(bytes), { message: ACK, plainBytes: encodeMessage(ACK).length });
    t.deepEqual(to.decode(encodeMessage(ACK)).message, ACK, 'plain is understood as before');
  }
  t.throws(() => decodeMessage(gateway.encode(ACK)), { code: 'EDGE_UNSUPPORTED' });
});

test('an end without the dictionary speaks and hears plain messages', (t) => {
  const [gateway, hub] = [new SessionCodec(), new SessionCodec()];
  gateway.decode(hub.encode({ ...WELCOME, features: ['dictionary:0123456789abcdef'] }));
  t.deepEqual(gateway.encode(ACK), encodeMessage(ACK));
  t.deepEqual(hub.decode(gateway.encode(ACK)).message, ACK);
});
