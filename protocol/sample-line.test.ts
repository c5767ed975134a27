import test from 'ava';
import fc from 'fast-check';
import { decodeSample, encodeSample, samplePrefix } from './sample-line.js';
import type { Sample } from './sample-line.js';
import type { TakenAt } from './taken-at.js';

const sample = fc.record<Sample, 'device' | 'property' | 'life' | 'value' | 'quality'>(
  {
    device: fc.constantFrom('default/meter-1', 'a.b/C_d'),
    property: fc.constantFrom('temperature', 'a/b:c', '#1'),
    life: fc.nat(),
    value: fc.jsonValue() as fc.Arbitrary<Sample['value']>,
    quality: fc.constantFrom('good', 'uncertain', 'bad'),
    reason: fc.string({ unit: 'binary' }),
    taken: fc.record<TakenAt, 'quality'>(
      {
        quality: fc.constantFrom('floor', 'unknown'),
        since: fc.record({ boot: fc.string({ unit: 'binary' }), ms: fc.integer() }),
      },
      { requiredKeys: ['quality'] },
    ),
  },
  { requiredKeys: ['device', 'property', 'life', 'value', 'quality'] },
);

test('a sample survives as one line that begins with its property', (t) => {
  fc.assert(
    fc.property(sample, (one) => {
      const line = encodeSample(one);
      t.false(line.includes('\n'));
      t.true(line.startsWith(samplePrefix(one.device, one.property)));
      t.deepEqual(decodeSample(line), JSON.parse(JSON.stringify(one)));
    }),
  );
});

test('a good value costs its JSON and three spaces beside the names', (t) => {
  t.is(
    encodeSample({
      ...{ device: 'default/meter', property: 'power', life: 3, value: 21.5, quality: 'good' },
    }),
    'default/meter power 3 21.5',
  );
});

test('any other line is none', (t) => {
  for (const line of ['', 'a', 'a/b c', 'a/b c x 1', 'a/b c 1 {', 'a/b c 1 b{', 'ab c 1 1'])
    t.is(decodeSample(line), undefined, line);
  fc.assert(
    fc.property(fc.string(), (line) => {
      t.notThrows(() => decodeSample(line));
    }),
  );
});
