import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import {
  CODEC_VERSION,
  decodeMessage,
  encodeMessage,
  unsupportedMessage,
} from './message-codec.js';
import * as arbitrary from './message-codec-arbitrary.test.js';
import { seededRandom } from './random.js';
import type { State, SyncMessage } from './sync-message.js';
import type { Value } from './twin.js';

const DEVICE = { device: 'default/meter', incarnation: { gen: 1, n: 2 } } as const;

function stateOf(...values: Value[]): State {
  const rows = values.map((value, n) => ({
    ...DEVICE,
    property: `p${n}`,
    n: n + 7,
    value,
    quality: 'good' as const,
    timestamp: 1_795_000_000_000 + n,
    desiredVersion: { gen: 0, n: 0 },
  }));
  return { kind: 'state', epoch: 3, id: 9, rows };
}

function wire(text: string, flags = 0, version = CODEC_VERSION): Uint8Array {
  return Uint8Array.from([version, flags, ...new TextEncoder().encode(text)]);
}

function textOf(message: SyncMessage): string {
  return new TextDecoder().decode(encodeMessage(message).subarray(2));
}

/** The code of the EdgeError; anything else that is thrown fails the test. */
function refusal(bytes: Uint8Array): string {
  try {
    return `accepted ${decodeMessage(bytes).kind}`;
  } catch (thrown) {
    if (thrown instanceof EdgeError) return thrown.code;
    throw thrown;
  }
}

for (const kind of arbitrary.KINDS) {
  test(`any ${kind} message is the same after encoding and decoding`, (t) => {
    fc.assert(
      fc.property(arbitrary.message(kind), (message) => {
        t.deepEqual(decodeMessage(encodeMessage(message)), message);
      }),
      { numRuns: 150 },
    );
    t.pass();
  });
}

test('rows of one device share its name and consecutive numbers are short', (t) => {
  t.is(
    textOf(stateOf(1.5, true)),
    '[5,3,9,[["default/meter",1,2,[["p0",7,1.5,1795000000000],["p1",1,true,1]]]]]',
  );
});

test('a message of 1024 rows passes and one of 1025 is refused by both ends', (t) => {
  const most = stateOf(...Array<Value>(LIMITS.messageRows).fill(1));
  t.deepEqual(decodeMessage(encodeMessage(most)), most);
  const error = t.throws(() => encodeMessage(stateOf(...Array<Value>(1025).fill(1))), {
    instanceOf: EdgeError,
  });
  t.is(error.code, 'EDGE_LIMIT');
  const rows = Array(1025).fill('["p",1,1,1]').join(',');
  t.is(refusal(wire(`[5,1,1,[["a/b",1,1,[${rows}]]]]`)), 'EDGE_LIMIT');
  const groups = Array(1025).fill('["a/b",1,1,[["p",1,1,1]]]').join(',');
  t.is(refusal(wire(`[5,1,1,[${groups}]]`)), 'EDGE_LIMIT');
});

test('the encoder refuses a message that is too long instead of sending it', (t) => {
  const long = stateOf(...Array<Value>(40).fill('x'.repeat(8000)));
  const error = t.throws(() => encodeMessage(long), { instanceOf: EdgeError });
  t.is(error.code, 'EDGE_LIMIT');
  t.is(refusal(new Uint8Array(LIMITS.messageBytes + 1)), 'EDGE_LIMIT');
});

test('texts for people are cut to what the peer accepts', (t) => {
  const bye = { kind: 'bye', reason: 'refused', detail: 'x'.repeat(2000) } as const;
  t.deepEqual(decodeMessage(encodeMessage(bye)), { ...bye, detail: 'x'.repeat(LIMITS.textChars) });
});

test('a clock with fractions of milliseconds does not make rows that the hub refuses', (t) => {
  const [row] = stateOf(1).rows;
  const message = { ...stateOf(1), rows: [{ ...row!, timestamp: 12.75 }] };
  const back = decodeMessage(encodeMessage(message)) as State;
  t.is(back.rows[0]?.timestamp, 13);
});

test('positions that a newer peer adds are ignored', (t) => {
  const more = textOf(stateOf(5))
    .replace('1795000000000]', '1795000000000,0,0,0,null,null,null,"new"]')
    .replace(/\]$/, ',null,{"newer":true}]');
  t.deepEqual(decodeMessage(wire(more)), stateOf(5));
  t.deepEqual(decodeMessage(wire('[3,7,null,"x"]')), { kind: 'ready', epoch: 7 });
});

test('a reason to leave that only newer peers know reads as refused', (t) => {
  t.deepEqual(decodeMessage(wire('[13,0,null,"__proto__","why"]')), {
    kind: 'bye',
    reason: 'refused',
    detail: 'why',
  });
});

test('a message of a type to come can be answered by its id', (t) => {
  for (const type of [24, 99]) {
    const error = t.throws(() => decodeMessage(wire(`[${type},4,17,{"any":1}]`)), {
      instanceOf: EdgeError,
    });
    t.is(error.code, 'EDGE_UNSUPPORTED');
    t.deepEqual(unsupportedMessage(error), { epoch: 4, id: 17 });
  }
  const nameless = t.throws(() => decodeMessage(wire('[99,4,null,17]')));
  t.is(unsupportedMessage(nameless), undefined);
  t.is(unsupportedMessage(new EdgeError('EDGE_UNSUPPORTED', 'of another kind')), undefined);
});

const REFUSED: readonly (readonly [string, Uint8Array, string])[] = [
  ['nothing at all', new Uint8Array(), 'EDGE_MALFORMED'],
  ['one byte', Uint8Array.of(1), 'EDGE_MALFORMED'],
  ['another codec version', wire('[3,1]', 0, 2), 'EDGE_UNSUPPORTED'],
  ['a compressed body', wire('[3,1]', 1), 'EDGE_UNSUPPORTED'],
  ['an unknown flag', wire('[3,1]', 2), 'EDGE_MALFORMED'],
  ['no JSON', wire('[3,'), 'EDGE_MALFORMED'],
  ['a byte order mark', wire('\ufeff[3,1]'), 'EDGE_MALFORMED'],
  ['bytes that are not UTF-8', Uint8Array.of(1, 0, 0x5b, 0x22, 0xff, 0x22, 0x5d), 'EDGE_MALFORMED'],
  ['an object', wire('{"0":3,"1":1,"length":2}'), 'EDGE_MALFORMED'],
  ['an empty array', wire('[]'), 'EDGE_MALFORMED'],
  ['nesting of 100,000', wire('['.repeat(100_000) + ']'.repeat(100_000)), 'EDGE_LIMIT'],
  ['objects 100,000 deep', wire('{"a":'.repeat(40_000)), 'EDGE_LIMIT'],
  ['an epoch of 1e400', wire('[3,1e400]'), 'EDGE_MALFORMED'],
  ['an epoch beyond 2^53', wire('[3,9007199254740993]'), 'EDGE_MALFORMED'],
  ['a negative epoch', wire('[3,-1]'), 'EDGE_MALFORMED'],
  ['a fractional epoch', wire('[3,1.5]'), 'EDGE_MALFORMED'],
  ['an epoch in text', wire('[3,"1"]'), 'EDGE_MALFORMED'],
  ['a missing id', wire('[5,1]'), 'EDGE_MALFORMED'],
  ['a value of 1e400', row('1e400'), 'EDGE_MALFORMED'],
  ['a missing value', wire('[5,1,1,[["a/b",1,1,[["p",1]]]]]'), 'EDGE_MALFORMED'],
  ['a lone surrogate', row('"\\ud800"'), 'EDGE_MALFORMED'],
  ['a lone surrogate in a key', row('{"\\udc00":1}'), 'EDGE_MALFORMED'],
  ['a key __proto__', row('{"__proto__":{"polluted":true}}'), 'EDGE_MALFORMED'],
  ['a key __proto__ deep inside', row('[{"a":[{"__proto__":1}]}]'), 'EDGE_MALFORMED'],
  ['a key constructor', row('{"constructor":{"prototype":1}}'), 'EDGE_MALFORMED'],
  ['a value 17 levels deep', row('['.repeat(17) + ']'.repeat(17)), 'EDGE_LIMIT'],
  ['a value over 8 KiB', row(`"${'x'.repeat(8191)}"`), 'EDGE_LIMIT'],
  ['a value over 8 KiB in UTF-8 only', row(`"${'€'.repeat(2731)}"`), 'EDGE_LIMIT'],
  ['a device without a namespace', wire('[5,1,1,[["meter",1,1,[]]]]'), 'EDGE_MALFORMED'],
  ['a device that climbs', wire('[5,1,1,[["../x",1,1,[]]]]'), 'EDGE_MALFORMED'],
  ['a device with NUL', wire('[5,1,1,[["a/b\\u0000",1,1,[]]]]'), 'EDGE_MALFORMED'],
  ['a property __proto__', wire('[5,1,1,[["a/b",1,1,[["__proto__",1,1,1]]]]]'), 'EDGE_MALFORMED'],
  ['an unknown quality', wire('[5,1,1,[["a/b",1,1,[["p",1,1,1,0,0,3]]]]]'), 'EDGE_MALFORMED'],
  ['a step below zero', wire('[5,1,1,[["a/b",1,1,[["p",-1,1,1]]]]]'), 'EDGE_MALFORMED'],
  ['a hash that is none', wire('[11,1,null,1,1,[["a/b",1,1,"x","y"]]]'), 'EDGE_MALFORMED'],
  [
    'a property twice',
    wire('[15,1,1,[["a/b",1,1,1,["m","p",null,[["x",0,0,1],["x",0,0,1]]]]]]'),
    'EDGE_MALFORMED',
  ],
];

function row(value: string): Uint8Array {
  return wire(`[5,1,1,[["a/b",1,1,[["p",1,${value},1]]]]]`);
}

for (const [what, bytes, code] of REFUSED)
  test(`${what} is refused with ${code}`, (t) => {
    t.is(refusal(bytes), code);
    t.false('polluted' in {});
  });

test('values at the very limits are accepted', (t) => {
  for (const value of ['['.repeat(16) + ']'.repeat(16), `"${'x'.repeat(8190)}"`, '"\\u0000"'])
    t.is(refusal(row(value)), 'accepted state');
  const zero = decodeMessage(row('-0')) as State;
  t.is(zero.rows[0]?.value, 0);
});

test('50,000 damaged messages give a checked message or an EdgeError, never anything else', (t) => {
  const random = seededRandom(20_260);
  const below = (limit: number): number => Math.floor(random.unit() * limit);
  const valid = fc
    .sample(fc.oneof(...arbitrary.KINDS.map((kind) => arbitrary.message(kind))), {
      numRuns: 300,
      seed: 7,
    })
    .map((message) => encodeMessage(message));
  const tokens = '[]{},:"\\-0123456789.eEntf'.split('');
  let accepted = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = Uint8Array.from(valid[below(valid.length)]!);
    const cut = random.unit() < 0.3 ? bytes.subarray(0, below(bytes.length + 1)) : bytes;
    const edits = cut.length === 0 ? 0 : below(4);
    for (let edit = 0; edit < edits; edit++) {
      const token = tokens[below(tokens.length)]!.charCodeAt(0);
      cut[below(cut.length)] = random.unit() < 0.7 ? token : below(256);
    }
    const outcome = refusal(cut);
    if (!outcome.startsWith('accepted')) {
      if (!/^EDGE_(MALFORMED|LIMIT|UNSUPPORTED)$/.test(outcome)) t.fail(outcome);
      continue;
    }
    accepted++;
    const message = decodeMessage(cut);
    t.deepEqual(decodeMessage(encodeMessage(message)), message);
  }
  t.true(accepted > 1000, `${accepted} accepted`);
});

test('any JSON at all gives a checked message or an EdgeError', (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), fc.integer({ min: 0, max: 25 }), (json, type) => {
      for (const text of [json, `[${type},1,1,${json}]`, `[${type},1,null,${json},${json}]`]) {
        const outcome = refusal(wire(text));
        if (!/^(accepted|EDGE_(MALFORMED|LIMIT|UNSUPPORTED)$)/.test(outcome)) t.fail(outcome);
      }
    }),
    { numRuns: 3000 },
  );
  t.pass();
});
