import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from '#protocol/errors.js';
import { decodeMessage, encodeMessage } from '#protocol/message-codec.js';
import * as arbitrary from '#protocol/message-codec-arbitrary.test.js';
import { bench, json, METER } from '#runtime/eventbus/bus-fixture.js';

/** What a field must never be trusted to be, as JSON texts. */
const BAD = [
  ...['null', 'true', '-1', '1.5', '1e308', '9007199254740993', '""', '"__proto__"'],
  ...['[]', '[[[[[[]]]]]]', '{}', '{"constructor":{"prototype":{"x":1}}}'],
];

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The document once for each field of it, with a mark in its place. */
function* marked(value: Json, mark: string): Generator<Json> {
  yield mark;
  if (Array.isArray(value))
    for (let at = 0; at < value.length; at++)
      for (const inner of marked(value[at] as Json, mark)) yield value.with(at, inner) as Json;
  else if (typeof value === 'object' && value !== null)
    for (const [key, inside] of Object.entries(value))
      for (const inner of marked(inside, mark))
        yield Object.fromEntries([...Object.entries(value), [key, inner]]);
}

const MARK = '\u0001mark';

test('E34: every field of every message, each of twelve wrong values: refused, or what any peer may send', (t) => {
  let [sent, refused] = [0, 0];
  for (const kind of arbitrary.KINDS)
    for (const message of fc.sample(arbitrary.message(kind), { numRuns: 2, seed: 7 })) {
      const bytes = Buffer.from(encodeMessage(message));
      const document = JSON.parse(bytes.subarray(2).toString()) as Json;
      for (const one of marked(document, MARK)) {
        const text = JSON.stringify(one);
        for (const bad of BAD) {
          const hostile = text.replace(JSON.stringify(MARK), bad);
          sent++;
          try {
            decodeMessage(Buffer.concat([bytes.subarray(0, 2), Buffer.from(hostile)]));
          } catch (thrown) {
            if (!(thrown instanceof EdgeError) || thrown.code === 'EDGE_INTERNAL')
              return t.fail(`${hostile}: ${String(thrown)}`);
            refused++;
          }
        }
      }
    }
  t.true(refused > sent / 2);
  t.is(Reflect.get({}, 'x'), undefined);
  t.log(`${arbitrary.KINDS.length} kinds, ${sent} messages, ${refused} refused, 0 others`);
});

/** reliability of a twin's payload: what JavaScript, JSON and KubeEdge's parsers stumbled over. */
const PAYLOADS: readonly string[] = [
  ...['', 'null', '[]', '"text"', '7', 'NaN', '{', '{"twin":null}', '{"twin":[]}', '{"twin":7}'],
  '{"twin":{"temperature":null}}',
  '{"twin":{"temperature":{"actual":null}}}',
  '{"twin":{"temperature":{"actual":[]}}}',
  '{"twin":{"__proto__":{"actual":{"value":1}}}}',
  '{"twin":{"constructor":{"actual":{"value":1}}}}',
  '{"__proto__":{"twin":{"temperature":{"actual":{"value":1}}}}}',
  '{"twin":{"settings":{"actual":{"value":{"__proto__":{"x":1}}}}}}',
  '{"twin":{"temperature":{"actual":{"value":1e400}}}}',
  '{"twin":{"temperature":{"actual":{"value":NaN}}}}',
  '{"twin":{"temperature":{"actual":{"value":"NaN"}}}}',
  '{"twin":{"temperature":{"actual":{"value":{}}}}}',
  '{"twin":{"mode":{"actual":{"value":"\\ud800"}}}}',
  `{"twin":{"settings":{"actual":{"value":${'['.repeat(20_000)}1${']'.repeat(20_000)}}}}}`,
  `{"twin":{"settings":{"actual":{"value":"${'x'.repeat(9_000)}"}}}}`,
  '{"twin":{"te\\u0000mp":{"actual":{"value":1}}}}',
  '{"twin":{"ｔemperature":{"actual":{"value":1}}}}',
  '{"twin":{"../temperature":{"actual":{"value":1}}}}',
  '{"twin":{"a\\r\\nb":{"actual":{"value":1}}}}',
];

test('D30: each payload of the list is answered with a code, and nothing is reported', async (t) => {
  const { twins, client } = await bench(t);
  const device = await client();
  await device.subscribe(`${METER}/twin/update/result`, 1);
  for (const payload of PAYLOADS) {
    await device.publish(`${METER}/twin/update`, payload, { qos: 1 });
    const { body } = await json(device);
    t.regex(JSON.stringify(body), /EDGE_[A-Z]+/, payload.slice(0, 80));
  }
  t.deepEqual(twins.reports, []);
  t.is(Reflect.get({}, 'x'), undefined);
  t.is(Reflect.get({}, 'actual'), undefined);
  t.log(`${PAYLOADS.length} sent, ${PAYLOADS.length} refused`);
});
