import test from 'ava';
import fc from 'fast-check';
import { fnv1a64 } from './digest.js';
import { MessageCompression } from './message-compression.js';
import { encodeMessage, HEADER_BYTES } from './message-codec.js';
import * as arbitrary from './message-codec-arbitrary.test.js';
import {
  agreedDictionary,
  DICTIONARIES,
  DICTIONARY_IDS,
  DICTIONARY_TEXTS,
  dictionaryFeatures,
} from './message-dictionary.js';
import type { State, SyncMessage } from './sync-message.js';
import { NO_VERSION } from './twin.js';

const [NEWEST] = DICTIONARIES;
const decoder = new TextDecoder();

test('the newest dictionary is the texts in their order, and its id is the one released', (t) => {
  t.is(decoder.decode(NEWEST?.bytes), Object.values(DICTIONARY_TEXTS).flat().join(''));
  // Another id here means another dictionary: keep the old one, ends in the field have it.
  t.deepEqual(DICTIONARY_IDS, ['94fae492029740c9']);
});

test('each change of a dictionary changes its id', (t) => {
  const bytes = NEWEST?.bytes ?? new Uint8Array();
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ flip : byte));
      return fnv1a64(changed) !== NEWEST?.id;
    }),
  );
  t.not(fnv1a64(bytes.subarray(1)), NEWEST?.id);
});

test('it holds the beginning of every message that a session repeats', (t) => {
  const text = decoder.decode(NEWEST?.bytes);
  const once: readonly SyncMessage['kind'][] = ['hello', 'welcome', 'bye'];
  for (const kind of arbitrary.KINDS.filter((name) => !once.includes(name))) {
    const [sample] = fc.sample(arbitrary.message(kind), { numRuns: 1, seed: 1 });
    if (sample === undefined) throw new Error(kind);
    const [code] = JSON.parse(decoder.decode(encodeMessage(sample).subarray(HEADER_BYTES))) as [
      number,
    ];
    t.true(text.includes(`[${code},`), kind);
  }
});

test('the hub names the dictionary it likes best of those it was offered, or none', (t) => {
  const [id = ''] = DICTIONARY_IDS;
  t.deepEqual(dictionaryFeatures(['0123456789abcdef', id]), [`dictionary:${id}`]);
  t.deepEqual(dictionaryFeatures(['0123456789abcdef']), []);
  t.is(agreedDictionary(['samples', `dictionary:${id}`]), NEWEST);
  t.is(agreedDictionary(['samples', 'dictionary:0123456789abcdef']), undefined);
});

/** Bytes of a STATE, packed: `names` are properties of a device that the dictionary never saw. */
function packedBytes(names: readonly string[]): number {
  const message: State = {
    kind: 'state',
    epoch: 17,
    id: 4242,
    rows: names.map((property, index) => ({
      device: 'site-b/boiler-house',
      incarnation: { gen: 1, n: 12 },
      property,
      n: 120_134 + index,
      value: ((index + 3) * 7919) / 10,
      quality: 'good',
      timestamp: 1_795_312_345_678 + 40 * index,
      desiredVersion: NO_VERSION,
    })),
  };
  return new MessageCompression(NEWEST ?? { id: '', bytes: new Uint8Array() }).pack(
    encodeMessage(message),
  ).length;
}

test('an update takes less than half of its plain bytes, in company a tenth of 200', (t) => {
  const one = packedBytes(['temperature']);
  const ten = packedBytes(
    [...Array(5).keys()].flatMap((index) => [`flow_${index}`, `temperature_${index}`]),
  );
  t.log(`one update: ${one} bytes; one of ten: ${ten / 10}`);
  t.true(one <= 72);
  t.true(ten <= 20 * 10);
});
