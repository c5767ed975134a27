import test from 'ava';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { livenessTrial } from './liveness.js';

test('after loss stops everything arrives in time, 3,000 seeds', (t) => {
  const bench = new Workbench();
  for (let seed = 1_001; seed <= 4_000; seed++) t.is(livenessTrial(seed, bench), undefined);
});
