import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { parseOutsideJson } from './outside-json.js';
import { equalValues } from './twin.js';
import type { Value } from './twin.js';

const MAX = 100_000;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('any JSON value within the limits comes back equal', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!/\\ud|__proto__/i.test(text));
      return equalValues(parseOutsideJson(bytes(text), MAX), JSON.parse(text) as Value);
    }),
  );
  t.pass();
});

for (const [title, text, code] of [
  ['nothing at all', '', 'EDGE_MALFORMED'],
  ['a half document', '{"a":', 'EDGE_MALFORMED'],
  ['NaN', 'NaN', 'EDGE_MALFORMED'],
  ['a number beyond double range', '[1e400]', 'EDGE_MALFORMED'],
  ['half of a surrogate pair', '{"a":"\\ud800"}', 'EDGE_MALFORMED'],
  ['half of a surrogate pair in a key', '{"\\udc00":1}', 'EDGE_MALFORMED'],
  ['a __proto__ key', '{"a":{"__proto__":{"admin":true}}}', 'EDGE_MALFORMED'],
  ['a value nested 100,000 deep', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 'EDGE_LIMIT'],
  ['a document over the byte limit', `"${'x'.repeat(MAX)}"`, 'EDGE_LIMIT'],
] as const) {
  test(`${title} is refused with ${code}`, (t) => {
    const error = t.throws(() => parseOutsideJson(bytes(text), MAX), { instanceOf: EdgeError });
    t.is(error.code, code);
  });
}

test('bytes that are not UTF-8 are refused', (t) => {
  t.throws(() => parseOutsideJson(Uint8Array.of(0x22, 0xff, 0x22), MAX), {
    code: 'EDGE_MALFORMED',
  });
});

test('the deepest allowed nesting passes and one more does not', (t) => {
  const nested = (depth: number): Uint8Array => bytes(`${'['.repeat(depth)}1${']'.repeat(depth)}`);
  t.notThrows(() => parseOutsideJson(nested(LIMITS.jsonDepth), MAX));
  t.throws(() => parseOutsideJson(nested(LIMITS.jsonDepth + 1), MAX), { code: 'EDGE_LIMIT' });
});

test('arbitrary bytes give a value or an EdgeError, nothing else', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      try {
        parseOutsideJson(input, MAX);
        return true;
      } catch (error) {
        return error instanceof EdgeError;
      }
    }),
  );
  t.pass();
});
