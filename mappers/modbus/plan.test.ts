import test from 'ava';
import fc from 'fast-check';
import { planReads, RTU_RULES, TCP_RULES, type Span } from './plan.js';

const spans: fc.Arbitrary<Span[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('coil', 'discrete', 'holding', 'input'),
    offset: fc.integer({ min: 0, max: 400 }),
    count: fc.integer({ min: 1, max: 8 }),
  }),
  { maxLength: 40 },
);
const anyRules = fc.constantFrom(RTU_RULES, TCP_RULES, {
  ...RTU_RULES,
  maxRegisters: 10,
  maxBits: 20,
});

test('each span is read exactly once and whole, and no read exceeds the maximum', (t) => {
  fc.assert(
    fc.property(spans, anyRules, (wanted, rules) => {
      const reads = planReads(wanted, rules);
      t.is(reads.flatMap((read) => read.spans).length, wanted.length);
      for (const span of wanted) t.is(reads.filter((read) => read.spans.includes(span)).length, 1);
      for (const read of reads) {
        const bits = read.kind === 'coil' || read.kind === 'discrete';
        t.true(read.count <= (bits ? rules.maxBits : rules.maxRegisters));
        for (const span of read.spans) {
          t.is(span.kind, read.kind);
          t.true(span.offset >= read.offset);
          t.true(span.offset + span.count <= read.offset + read.count);
        }
      }
    }),
  );
});

test('the plan does not depend on the order of the properties', (t) => {
  fc.assert(
    fc.property(spans, fc.integer(), (wanted, seed) => {
      const shuffled = [...wanted].sort(
        (a, b) => ((a.offset * seed) % 97) - ((b.offset * seed) % 97),
      );
      const key = (list: readonly Span[]): string[] =>
        planReads(list, RTU_RULES)
          .map((read) => `${read.kind} ${read.offset} ${read.count}`)
          .sort();
      t.deepEqual(key(wanted), key(shuffled));
    }),
  );
});

test('on a serial line gaps up to 9 registers are read along, longer ones are not', (t) => {
  const at = (offset: number): Span => ({ kind: 'holding', offset, count: 1 });
  t.is(planReads([at(0), at(10)], RTU_RULES).length, 1);
  t.is(planReads([at(0), at(11)], RTU_RULES).length, 2);
  t.is(planReads([at(0), at(11)], TCP_RULES).length, 1);
  t.is(planReads([at(0), at(124)], TCP_RULES).length, 1);
  t.is(planReads([at(0), at(125)], TCP_RULES).length, 2);
});

test('overlapping spans share one read', (t) => {
  const wide = { kind: 'input', offset: 0, count: 20 } as const;
  const inside = { kind: 'input', offset: 5, count: 2 } as const;
  t.deepEqual(
    planReads([inside, wide], RTU_RULES).map(({ offset, count }) => [offset, count]),
    [[0, 20]],
  );
});
