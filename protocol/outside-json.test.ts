import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { parseOutsideJson } from './outside-json.js';

const MAX = 100_000;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const nested = (depth: number): Uint8Array => bytes(`${'['.repeat(depth)}1${']'.repeat(depth)}`);

test('any JSON within the limits comes back equal', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      t.deepEqual(parseOutsideJson(bytes(text), MAX), JSON.parse(text));
    }),
  );
});

for (const [title, body, code] of [
  ['nothing at all', bytes(''), 'EDGE_MALFORMED'],
  ['half a document', bytes('{"a":'), 'EDGE_MALFORMED'],
  ['NaN', bytes('NaN'), 'EDGE_MALFORMED'],
  ['a byte that is not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'EDGE_MALFORMED'],
  ['a value nested 50,000 deep', nested(49_000), 'EDGE_LIMIT'],
  ['a document over the byte limit', bytes(`"${'x'.repeat(MAX)}"`), 'EDGE_LIMIT'],
] as const) {
  test(`${title} is refused with ${code}`, (t) => {
    t.throws(() => parseOutsideJson(body, MAX), { instanceOf: EdgeError, code });
  });
}

test('the deepest value that twins allow fits into a body', (t) => {
  t.notThrows(() => parseOutsideJson(nested(LIMITS.jsonDepth + 1), MAX));
  t.throws(() => parseOutsideJson(nested(LIMITS.jsonDepth + 2), MAX), { code: 'EDGE_LIMIT' });
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
