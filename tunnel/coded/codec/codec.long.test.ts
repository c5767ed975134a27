import test from 'ava';
import { RowPool } from '../galois/row-pool.js';
import { scriptKernel } from '../galois/script-kernel.js';
import { decodingTrial } from './decoding-trial.js';
import { Workbench } from './workbench.js';

for (const [name, bench] of [
  ['the SIMD kernel', new Workbench()],
  ['the script kernel', new Workbench(new RowPool(2_048, 1 << 22, scriptKernel()))],
] as const)
  test(`${name} gives exactly what the plain algebra decides for 10,000 loss patterns`, (t) => {
    for (let seed = 10_001; seed <= 20_000; seed++) t.is(decodingTrial(bench, seed), undefined);
  });
