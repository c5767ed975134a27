import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from './errors.js';
import * as arbitrary from './message-codec-arbitrary.test.js';
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
/** Where the groups of rows stand, `[device, gen, n, [row, ...]]`. */
const GROUPS: Partial<Record<SyncMessage['kind'], number>> = { state: 3, desired: 3, samples: 6 };

const runs = { numRuns: 15 };
const news = fc.jsonValue({ maxDepth: 2 }).filter((value) => value !== null);

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

for (const kind of arbitrary.KINDS)
  test(`${kind}: what a newer peer appends is left alone, and all that was known is read`, (t) => {
    fc.assert(
      fc.property(arbitrary.message(kind), news, (message, more) => {
        const items = itemsOf(message);
        const at = GROUPS[kind];
        const groups = (at === undefined ? [] : items[at]) as [...unknown[], unknown[][]][];
        for (const group of groups) {
          const rows = group[3] as unknown[][];
          group[3] = rows.map((row) => longer(row, more));
        }
        t.deepEqual(
          decodeMessage(wire(longer(items, more))),
          decodeMessage(encodeMessage(message)),
        );
      }),
      runs,
    );
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
