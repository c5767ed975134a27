import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from './errors.js';
import * as arbitrary from './message-codec-arbitrary.test.js';
import { LIMITS } from './limits.js';
import {
  CODEC_VERSION,
  decodeMessage,
  encodeMessage,
  unsupportedMessage,
} from './message-codec.js';
import type { SyncMessage } from './sync-message.js';

// What a version to come may send (protocol/README.md section 11).

/** More positions than any array of today has. */
const POSITIONS = 40;
const DESIRED_POSITIONS = 8;
/** Where the groups of rows stand, `[device, gen, n, [row, ...]]`. */
const GROUPS: Partial<Record<SyncMessage['kind'], number>> = { state: 3, samples: 6 };

type Group = [device: string, gen: number, n: number, rows: unknown[][]];

const runs = { numRuns: 15 };
/** As JSON has it, which knows no -0. Keys that reach into prototypes are refused wherever they stand. */
const news = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  .filter(
    (value) => value !== null && !/"(__proto__|constructor|prototype)"/.test(JSON.stringify(value)),
  );

function itemsOf(message: SyncMessage): unknown[] {
  return JSON.parse(new TextDecoder().decode(encodeMessage(message).subarray(2))) as unknown[];
}

function wire(items: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(items));
  return Uint8Array.from([CODEC_VERSION, 0, ...body]);
}

/** Nulls where today's optional positions are, then what nobody knows yet. */
function longer(items: readonly unknown[], more: unknown): unknown[] {
  return [...items, ...new Array<null>(POSITIONS - items.length).fill(null), more];
}

/** Rows of these are kept by who gets them, and may go back to the peer: with all that it said. */
const KEPT: readonly SyncMessage['kind'][] = ['desired', 'devices', 'adopt'];

/** The rows of today's positions, filled up with nulls. */
function keptRows(kind: SyncMessage['kind'], items: unknown[]): unknown[][] {
  const groups = (at: number): unknown[][] => (items[at] as Group[]).flatMap((group) => group[3]);
  const rows = kind === 'devices' ? [] : groups(3);
  for (const row of rows) while (row.length < DESIRED_POSITIONS) row.push(null);
  if (kind === 'desired') return rows;
  return [...rows, ...(items[kind === 'adopt' ? 4 : 3] as unknown[][])];
}

for (const kind of arbitrary.KINDS.filter((kind) => !KEPT.includes(kind)))
  test(`${kind}: what a newer peer appends is left alone, and all that was known is read`, (t) => {
    fc.assert(
      fc.property(arbitrary.message(kind), news, (message, more) => {
        const items = itemsOf(message);
        const at = GROUPS[kind];
        const groups = (at === undefined ? [] : items[at]) as Group[];
        for (const group of groups) {
          group[3] = group[3].map((row) => longer(row, more));
        }
        t.deepEqual(
          decodeMessage(wire(longer(items, more))),
          decodeMessage(encodeMessage(message)),
        );
      }),
      runs,
    );
  });

for (const kind of KEPT)
  test(`${kind}: what a newer peer appends to a row is read, and written again as it came`, (t) => {
    fc.assert(
      fc.property(arbitrary.message(kind), fc.array(news, { maxLength: 4 }), (message, more) => {
        const items = itemsOf(message);
        for (const row of keptRows(kind, items)) row.push(...more);
        const read = decodeMessage(wire([...items, ...more]));
        const isKept = more.length > 0 && JSON.stringify(more).length <= LIMITS.laterChars;
        t.deepEqual(itemsOf(read), isKept ? items : itemsOf(message));
      }),
      runs,
    );
  });

test('what a newer peer appends to a row beyond the limit is left alone', (t) => {
  const long = 'x'.repeat(LIMITS.laterChars);
  const items = [7, 1, 1, [['a/b', 1, 1, [['p', 1, 1, 5, null, null, null, null, long]]]]];
  const read = decodeMessage(wire(items));
  t.deepEqual(read, {
    ...{ kind: 'desired', epoch: 1, id: 1 },
    rows: [
      {
        ...{ device: 'a/b', property: 'p', value: 5 },
        ...{ incarnation: { gen: 1, n: 1 }, version: { gen: 1, n: 1 } },
      },
    ],
  });
});

test('a type to come is answered by its id, or ends the session: never a crash', (t) => {
  const types = fc.integer({ min: 24, max: 2 ** 31 });
  fc.assert(
    fc.property(types, fc.array(fc.jsonValue(), { maxLength: 6 }), (type, rest) => {
      const error = t.throws(() => decodeMessage(wire([type, ...rest])), { instanceOf: EdgeError });
      const [epoch, id] = rest;
      const isCount = (item: unknown): boolean => Number.isSafeInteger(item) && Number(item) >= 0;
      const isAnswerable = isCount(epoch) && isCount(id);
      if (!isAnswerable) return;
      t.deepEqual(unsupportedMessage(error), { epoch: epoch as number, id: id as number });
    }),
  );
});
