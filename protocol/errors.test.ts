import test from 'ava';
import { ERROR_CODES, EdgeError, isErrorCode } from './errors.js';

test('an error carries code, hint, cause, details and whose fault it is', (t) => {
  const cause = new RangeError('inner');
  const error = new EdgeError('EDGE_LIMIT', 'too long', {
    cause,
    hint: 'Send less.',
    details: { bytes: 9 },
  });
  t.like(error, { name: 'EdgeError', code: 'EDGE_LIMIT', message: 'too long', remote: true });
  t.is(error.cause, cause);
  t.is(error.hint, 'Send less.');
  t.deepEqual(error.details, { bytes: 9 });
  t.true(error instanceof Error);
});

test('the side at fault follows from the code unless it is given', (t) => {
  t.false(new EdgeError('EDGE_STORAGE', 'x').remote);
  t.true(new EdgeError('EDGE_STORAGE', 'x', { remote: true }).remote);
  t.false('cause' in new EdgeError('EDGE_STORAGE', 'x'));
});

test('anything thrown becomes an EdgeError, an EdgeError stays itself', (t) => {
  const own = new EdgeError('EDGE_RANGE', 'x');
  t.is(EdgeError.from(own, 'EDGE_LIMIT'), own);
  const wrapped = EdgeError.from(new TypeError('inner'), 'EDGE_STORAGE');
  t.like(wrapped, { code: 'EDGE_STORAGE', message: 'inner' });
  t.true(wrapped.cause instanceof TypeError);
  for (const thrown of ['text', undefined, null, 5])
    t.like(EdgeError.from(thrown), { code: 'EDGE_INTERNAL', message: String(thrown) });
});

test('a code from a peer is known only by its own name', (t) => {
  t.true(isErrorCode('EDGE_RANGE'));
  for (const text of ['toString', '__proto__', 'edge_range', '']) t.false(isErrorCode(text), text);
});

test('every code names itself and says what it means', (t) => {
  for (const [code, { meaning }] of Object.entries(ERROR_CODES)) {
    t.regex(code, /^EDGE_[A-Z_]+$/);
    t.regex(meaning, /^[A-Z].*\.$/);
  }
});
