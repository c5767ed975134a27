import test from 'ava';
import { randomId, seededRandom, systemRandom } from './random.js';

test('a seed replays everything, another seed gives something else', (t) => {
  const draw = (seed: number): unknown[] => {
    const random = seededRandom(seed);
    return [random.unit(), [...random.bytes(20)], random.unit(), randomId(random)];
  };
  t.deepEqual(draw(7), draw(7));
  t.notDeepEqual(draw(7), draw(8));
  t.notDeepEqual(draw(0), draw(1));
});

test('the seeded numbers are in [0, 1) and spread evenly', (t) => {
  for (const seed of [0, 1, 2 ** 32 - 1]) {
    const random = seededRandom(seed);
    const buckets = Array<number>(10).fill(0);
    for (let draw = 0; draw < 20_000; draw++) {
      const unit = random.unit();
      t.true(unit >= 0 && unit < 1);
      buckets[Math.floor(unit * 10)]! += 1;
    }
    // 2000 expected with a deviation of 42: six of them.
    for (const count of buckets) t.true(Math.abs(count - 2000) < 260, `seed ${seed}: ${count}`);
  }
});

test('an id has 16 hexadecimal digits, leading zeros kept', (t) => {
  t.is(
    randomId({ unit: () => 0, bytes: (length) => new Uint8Array(length).fill(5) }),
    '05'.repeat(8),
  );
  t.regex(randomId(systemRandom), /^[0-9a-f]{16}$/);
});

test('the system gives as many bytes as asked and never the same id twice', (t) => {
  t.is(systemRandom.bytes(33).length, 33);
  const ids = new Set(Array.from({ length: 1000 }, () => randomId(systemRandom)));
  t.is(ids.size, 1000);
  t.true(systemRandom.unit() < 1);
});
