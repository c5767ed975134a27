import test from 'ava';
import type { DesiredRow } from '#protocol/sync-message-desired.js';
import { Adoption } from './adoption.js';

const rows = (count: number, value: string): DesiredRow[] =>
  Array.from({ length: count }, (_, index) => ({
    device: 'default/tap',
    incarnation: { gen: 1, n: 1 },
    property: `p${index}`,
    version: { gen: 1, n: index + 1 },
    value,
  }));

const ack = (id: number, rejects: { row: number; code: string }[] = []) =>
  ({ kind: 'ack', epoch: 1, id, rejects }) as const;

function told(count: number, value = ''): Adoption {
  const adoption = new Adoption();
  adoption.begin(true);
  ask(adoption);
  adoption.tell({ rows: rows(count, value), devices: [] });
  return adoption;
}

function ask(adoption: Adoption): void {
  if (!adoption.ask()) throw new TypeError('not asked');
}

test('nothing is told that was not asked for, and it is read once', (t) => {
  const adoption = new Adoption();
  adoption.begin(false);
  t.false(adoption.ask());
  adoption.begin(true);
  t.true(adoption.ask());
  t.false(adoption.ask());
  t.is(adoption.next(1, 1, 1e6, 0), undefined);
});

test('chunk after chunk, each after the answer to the one before, the last one marked', (t) => {
  const adoption = told(300, 'v'.repeat(1000));
  const seen: string[] = [];
  for (let id = 1; ; id++) {
    const message = adoption.next(1, id, 1e6, id);
    if (message === undefined) throw new TypeError('it stopped');
    t.is(adoption.next(1, id + 1000, 1e6, id), undefined);
    t.is(adoption.inFlight, 1);
    t.true(JSON.stringify(message).length < 33_000);
    seen.push(...message.rows.map(({ property }) => property));
    t.is(adoption.acknowledge(ack(99_999)).told, 'other');
    t.is(adoption.acknowledge(ack(id)).told, message.last ? 'done' : 'more');
    if (message.last) break;
  }
  t.deepEqual(
    seen,
    rows(300, '').map(({ property }) => property),
  );
  t.is(adoption.next(1, 5000, 1e6, 0), undefined);
  t.is(adoption.inFlight, 0);
});

test('a gateway that holds nothing says so', (t) => {
  const adoption = told(0);
  t.like(adoption.next(1, 1, 1e6, 0), { rows: [], devices: [], last: true });
  t.is(adoption.acknowledge(ack(1)).told, 'done');
});

test('rows that the hub could not take are counted and named', (t) => {
  const adoption = told(2);
  const [, second] = adoption.next(1, 1, 1e6, 0)?.rows ?? [];
  const { undelivered } = adoption.acknowledge(ack(1, [{ row: 1, code: 'EDGE_NO_DEVICE' }]));
  const { device, property } = second!;
  t.deepEqual(undelivered, [{ what: 'desired', device, property, code: 'EDGE_NO_DEVICE' }]);
  t.is(adoption.rejected, 1);
});

test('a hub that does not know the message is not asked again, a new session begins anew', (t) => {
  const adoption = told(2);
  adoption.next(1, 1, 1e6, 7);
  t.is(adoption.overtakenAtMs, 7);
  t.true(adoption.park(1));
  t.is(adoption.next(1, 2, 1e6, 0), undefined);
  t.is(adoption.overtakenAtMs, Infinity);
  adoption.begin(true);
  t.true(adoption.ask());
});
