import test from 'ava';
import fc from 'fast-check';
import { decodeSample } from '#protocol/sample-line.js';
import type { SampleRow } from '#protocol/sync-message-samples.js';
import {
  announceRow,
  counted,
  hex,
  MachineBench,
  only,
  version,
} from '../cloudhub/machine-bench.js';
import type { Effect } from '../cloudhub/judgement.js';
import type { HistoryRow } from '../store/tables.js';
import { EMPTY_HISTORY } from './judge-samples.js';
import { HUB_HISTORY_LIMITS } from './limits.js';

/** A hub whose commits are durable at once, and what it has put into the node's history. */
class Bench extends MachineBench {
  readonly kept: unknown[] = [];

  override step(event: Parameters<MachineBench['step']>[0]): Effect[] {
    const moment = { nowMs: this.nowMs, wallMs: 1_000_000 };
    const judgement = this.machine.judge(event, moment);
    for (const { text } of judgement.samples ?? []) this.kept.push(decodeSample(text)?.value);
    const effects = this.machine.settle(judgement, moment);
    return judgement.rest === undefined ? effects : [...effects, ...this.step(judgement.rest)];
  }

  samples(from: number, to: number, rows: readonly SampleRow[] = range(from + 1, to)): Effect[] {
    const dropped = to - from - rows.length;
    return this.say({ kind: 'samples', epoch: this.epoch, from, to, dropped, rows });
  }

  account(): Pick<HistoryRow, 'applied' | 'dropped' | 'rejected'> {
    const { applied, dropped, rejected } = this.rows.get('histories', 'gw-1') ?? EMPTY_HISTORY;
    return { applied, dropped, rejected };
  }

  cursor(lineage = hex('a')): number | undefined {
    return this.rows.get('lineages', `gw-1\n${lineage}`)?.samplesStored;
  }
}

function row(n: number, parts: Partial<SampleRow> = {}): SampleRow {
  return {
    ...{ device: 'default/boiler', incarnation: version(1, 1), property: 'temperature', n },
    ...{ value: n, quality: 'good', timestamp: 1000 * n },
    ...parts,
  };
}

function range(first: number, last: number): SampleRow[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => row(first + index));
}

function opened(): Bench {
  const bench = new Bench();
  bench.open({ features: ['samples'] });
  bench.announce(announceRow());
  return bench;
}

const sacks = (effects: readonly Effect[]): number[] =>
  only(effects, 'sack').map(({ stored }) => stored);

test('a hub says that it takes samples, to a gateway that has some', (t) => {
  const bench = new Bench();
  t.deepEqual(bench.welcome({ features: ['samples', 'teleport'] }).features, ['samples']);
  t.deepEqual(bench.welcome().features, []);
});

test('T2: a range that overtakes waits for the one before it; a lost session forgets it (H2)', (t) => {
  const bench = opened();
  t.deepEqual(sacks(bench.samples(2, 4)), [], 'nothing is acknowledged');
  t.deepEqual(bench.kept, []);
  t.deepEqual(sacks(bench.samples(0, 2)), [2, 4], 'in order');
  t.deepEqual(bench.kept, [1, 2, 3, 4]);
  bench.samples(5, 7);
  const { known } = bench.welcome({ features: ['samples'], samples: { value: 7, forks: [] } });
  t.is(known.samples, 4);
  bench.say({ kind: 'ready', epoch: bench.epoch });
  t.deepEqual(sacks(bench.samples(4, 5)), [5]);
  t.deepEqual(bench.kept, [1, 2, 3, 4, 5], '6 and 7 were of the other session');
});

test('T3: what the gateway had to drop is counted once, also when its gap is repeated (H3)', (t) => {
  const bench = opened();
  t.deepEqual(sacks(bench.samples(0, 5, [row(4), row(5)])), [5]);
  t.deepEqual(bench.account(), { applied: 2, dropped: 3, rejected: 0 });
  // The SACK was lost; more was dropped meanwhile, and the range is another one.
  t.deepEqual(sacks(bench.samples(0, 7, [row(6)])), [7]);
  t.deepEqual(bench.account(), { applied: 3, dropped: 4, rejected: 0 });
  t.deepEqual(sacks(bench.samples(0, 7, [])), [7], 'a repetition is answered (H25)');
  t.deepEqual(bench.kept, [4, 5, 6]);
  bench.restart();
  t.is(bench.welcome({ samples: { value: 7, forks: [] } }).known.samples, 7);
});

test('a row that cannot be taken is accounted for and named, and blocks nothing (H29)', (t) => {
  const bench = new Bench({
    ownerOf: (device) => (device === 'default/theirs' ? 'gw-2' : undefined),
  });
  bench.open({ features: ['samples'] });
  bench.announce(announceRow());
  const effects = bench.samples(0, 5, [
    row(1, { device: 'default/theirs' }),
    row(2, { device: 'default/unheard' }),
    row(3, { incarnation: version(1, 9) }),
    row(4, { property: 'colour' }),
    row(5),
  ]);
  t.deepEqual(sacks(effects), [5]);
  t.is(counted(effects, 'samplesRejected'), 4);
  t.is(counted(effects, 'foreignRows'), 1);
  t.deepEqual(bench.kept, [5]);
  t.deepEqual(
    bench.rows.get('histories', 'gw-1')?.letters.map(({ n, code }) => [n, code]),
    [
      [1, 'EDGE_FORBIDDEN'],
      [2, 'EDGE_NO_DEVICE'],
      [3, 'EDGE_INCARNATION'],
      [4, 'EDGE_NO_PROPERTY'],
    ],
  );
  const many = HUB_HISTORY_LIMITS.deadLetters + 10;
  bench.samples(
    5,
    5 + many,
    range(6, 5 + many).map((one) => ({ ...one, property: 'colour' })),
  );
  t.is(bench.rows.get('histories', 'gw-1')?.letters.length, HUB_HISTORY_LIMITS.deadLetters);
  t.is(bench.account().rejected, many + 4);
});

test('samples of a device that was removed since are kept, those of its earlier life are not', (t) => {
  const bench = opened();
  bench.announce(announceRow(2, { description: null }));
  bench.samples(0, 1);
  t.deepEqual(bench.kept, [1]);
  bench.announce(announceRow(3, { incarnation: version(1, 3) }));
  bench.samples(1, 3, [row(2), row(3, { incarnation: version(1, 3) })]);
  t.deepEqual(bench.kept, [1, 3]);
});

test('numbers that do not add up end the session and change nothing', (t) => {
  for (const message of [
    { from: 0, to: 3, dropped: 0, rows: [row(1), row(2)] },
    { from: 0, to: 2, dropped: 0, rows: [row(2), row(1)] },
    { from: 0, to: 2, dropped: 0, rows: [row(1), row(1)] },
    { from: 2, to: 3, dropped: 0, rows: [row(2)] },
    { from: 2, to: 3, dropped: 0, rows: [row(4)] },
    { from: 3, to: 2, dropped: 0, rows: [] },
    { from: 0, to: 2, dropped: 3, rows: [] },
  ]) {
    const bench = opened();
    const effects = bench.say({ kind: 'samples', epoch: bench.epoch, ...message });
    t.true(
      effects.some(({ kind }) => kind === 'close'),
      JSON.stringify(message),
    );
    t.is(bench.cursor(), 0);
    t.deepEqual(bench.kept, []);
  }
});

test('what waits for its turn is bounded; what found no room is asked for by the cursor', (t) => {
  const bench = opened();
  const { parkedMessages } = HUB_HISTORY_LIMITS;
  for (let n = 1; n <= parkedMessages; n++) bench.samples(n, n + 1);
  const refused = bench.samples(parkedMessages + 1, parkedMessages + 2);
  t.is(counted(refused, 'samplesUnparked'), 1);
  t.deepEqual(sacks(refused), [0]);
  t.is(sacks(bench.samples(0, 1)).at(-1), parkedMessages + 1);
  t.is(bench.kept.length, parkedMessages + 1);
});

test('I5: in whatever order ranges come, overlap and repeat, each number is applied or counted once', (t) => {
  const last = 60;
  const range_ = fc.tuple(fc.nat(last - 1), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(
      fc.array(range_, { maxLength: 60 }),
      fc.uniqueArray(fc.integer({ min: 1, max: last }), { maxLength: 20 }),
      (ranges, gone) => {
        const bench = opened();
        const all = [...ranges, [0, last] as const];
        for (const [from, length] of all) {
          const to = Math.min(last, from + length);
          bench.samples(
            from,
            to,
            range(from + 1, to).filter(({ n }) => !gone.includes(n)),
          );
          const { applied, dropped, rejected } = bench.account();
          t.is(bench.cursor(), applied + dropped + rejected);
        }
        t.is(bench.cursor(), last);
        const expected = range(1, last).map(({ n }) => n);
        t.deepEqual(
          bench.kept,
          expected.filter((n) => !gone.includes(n)),
        );
      },
    ),
  );
});

test('a fork goes on from what both histories share (T6)', (t) => {
  const bench = opened();
  bench.samples(0, 100);
  // A backup from number 50, which counted to 60 in a process that the hub has not met.
  const { fork, known, lineage } = bench.welcome({
    boot: hex('2'),
    features: ['samples'],
    lastEpoch: 1,
    samples: { value: 60, forks: [{ boot: hex('2'), before: 50 }] },
    state: { value: 1, forks: [] },
  });
  t.true(fork);
  t.is(known.samples, 50);
  bench.say({ kind: 'ready', epoch: bench.epoch });
  bench.samples(50, 60);
  t.is(bench.cursor(lineage), 60);
  t.is(bench.kept.length, 110);
});
