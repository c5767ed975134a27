import test from 'ava';
import { historyDocument, historyQuestion } from './history-document.js';

test('a question is read from text, with defaults', (t) => {
  t.deepEqual(historyQuestion('default/m', 'power', {}, 0), {
    ...{ device: 'default/m', property: 'power', from: 0, to: Infinity, after: 0, limit: 100 },
  });
  const query = { from: '2026-01-31', to: '2026-01-31T12:00:00+02:00', after: '7', limit: '5000' };
  t.like(historyQuestion('default/m', 'power', query, 0), {
    from: Date.UTC(2026, 0, 31),
    to: Date.UTC(2026, 0, 31, 10),
    after: 7,
    limit: 1000,
  });
  t.is(historyQuestion('default/m', 'power', { from: '1000' }, 0).from, 1000);
  t.is(historyQuestion('default/m', 'power', { from: '-2d' }, 3 * 86_400_000).from, 86_400_000);
});

test('what is not a question is refused', (t) => {
  for (const query of [
    { from: 'yesterday' },
    { to: '2026-13-01' },
    { from: '2026-01-01T00:00:00' },
    { from: '-1 week' },
    { limit: '0' },
    { limit: '-1' },
    { after: 'x' },
  ])
    t.throws(() => historyQuestion('default/m', 'p', query, 0), { code: 'EDGE_MALFORMED' });
});

test('a page shows times, values and qualities, and where to go on', (t) => {
  const sample = { device: 'a/b', property: 'p', life: 1, value: 1 };
  const page = historyDocument({
    samples: [
      { ...sample, n: 4, timestamp: 0, quality: 'good', clock: 'synced' },
      { ...sample, n: 9, timestamp: 9e15, quality: 'bad', clock: 'floor', reason: 'EDGE_TIMEOUT' },
    ],
    next: 9,
  });
  t.deepEqual(page, {
    samples: [
      { timestamp: '1970-01-01T00:00:00.000Z', value: 1, quality: 'good' },
      { value: 1, quality: 'bad', clock: 'floor', reason: 'EDGE_TIMEOUT' },
    ],
    next: '9',
  });
});
