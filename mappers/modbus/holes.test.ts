import test from 'ava';
import fc from 'fast-check';
import { Holes } from './holes.js';
import { planReads, TCP_RULES, worthwhileGap, type PlannedRead, type Span } from './plan.js';

const span = (offset: number, count = 1): Span => ({ kind: 'holding', offset, count });

/** Reads everything as a driver does from a device that refuses any read of a hole. */
function readAll(
  spans: readonly Span[],
  holes: Holes,
  isThere: (address: number) => boolean,
): { good: Span[]; partings: number } {
  const rules = { ...TCP_RULES, isSplitAt: holes.isSplitAt };
  const reads: PlannedRead<Span>[] = [...planReads(spans, rules)];
  const good: Span[] = [];
  let partings = 0;
  for (let read = reads.shift(); read !== undefined; read = reads.shift()) {
    const { offset, count, spans: own } = read;
    const isGood = Array.from({ length: count }, (_, at) => offset + at).every(isThere);
    const parts = isGood || own.length < 2 ? undefined : holes.part(read);
    if (parts !== undefined) {
      partings += 1;
      reads.unshift(...parts);
    } else if (isGood) good.push(...own);
  }
  return { good, partings };
}

test('whatever is missing, all that is there is read, and what was learned is enough', (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 30 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { maxLength: 30 }),
      (offsets, missing) => {
        const spans = offsets.map((offset) => span(offset));
        const isThere = (address: number): boolean => !missing.includes(address);
        const holes = new Holes();
        const first = readAll(spans, holes, isThere);
        const expected = offsets.filter(isThere).sort((a, b) => a - b);
        t.deepEqual(
          first.good.map(({ offset }) => offset).sort((a, b) => a - b),
          expected,
        );
        // Boundaries move other boundaries, by the maximum of a read: a few rounds, then it rests.
        for (let round = 0; round < 4; round += 1) readAll(spans, holes, isThere);
        const known = holes.size;
        const last = readAll(spans, holes, isThere);
        t.is(last.good.length, first.good.length);
        t.is(holes.size, known);
        t.is(last.partings, 0);
      },
    ),
  );
});

test('overlapping values are never parted', (t) => {
  const holes = new Holes();
  const [read] = planReads([span(0, 4), span(2, 4)], TCP_RULES);
  t.is(holes.part(read!), undefined);
});

test('a gap is worth reading along by the time it takes on the wire, with the measured turnaround', (t) => {
  t.deepEqual(
    [9600, 19_200].map((baud) => worthwhileGap(baud)),
    [9, 9],
  );
  t.deepEqual(
    [10, 30].map((turnaround) => worthwhileGap(9600, turnaround)),
    [14, 23],
  );
  t.deepEqual(
    [10, 30].map((turnaround) => worthwhileGap(19_200, turnaround)),
    [18, 36],
  );
  t.is(worthwhileGap(115_200, 10), 77);
  t.is(worthwhileGap(115_200, 30), 125, 'no more than a read can hold');
});

test('ranges with a maximum of their own are kept, and no read leaves its range', (t) => {
  const rules = {
    ...TCP_RULES,
    maxRegisters: 60,
    ranges: [
      { from: 100, to: 199, maxRegisters: 1 },
      { from: 200, to: 299, maxRegisters: 4 },
    ],
  };
  const spans = [
    span(98),
    span(99),
    span(100),
    span(101),
    span(199),
    span(200),
    span(203),
    span(204),
  ];
  t.deepEqual(
    planReads(spans, rules).map(({ offset, count }) => [offset, count]),
    [
      [98, 2],
      [100, 1],
      [101, 1],
      [199, 1],
      [200, 4],
      [204, 1],
    ],
  );
});
