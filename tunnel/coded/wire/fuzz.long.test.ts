import test from 'ava';
import { fuzzWire } from './fuzz.js';

test('a million mutated packets, and none makes a parser throw', (t) => {
  for (let seed = 1; seed <= 10; seed++) fuzzWire(100_000, seed * 7_919);
  t.pass();
});
