import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { fuzz, GROWTH_MAX_MIB, KEPT_MAX_MIB, type FuzzTarget } from './fuzzer.js';

/** Inputs of each target: a million with FUZZ_INPUTS=1000000, less of the slow ones without it. */
const ASKED = process.env['FUZZ_INPUTS'];
const INPUTS = 100_000;

/** A test for each target. They stand in two files, so that two cores share the million. */
export function fuzzLong(targets: readonly FuzzTarget[]): void {
  for (const target of targets)
    test.serial(
      `${target.rows}: mutated inputs, no crash, no hang, bounded memory: ${target.name}`,
      async (t) => {
        t.timeout(60 * 60_000);
        const inputs = Number(ASKED ?? Math.ceil(INPUTS * (target.share ?? 1)));
        const figures = await fuzz(target, { inputs, seed: 7_919, clock: systemClock });
        t.log(JSON.stringify(figures));
        t.true(figures.grownMiB < (target.growthMaxMiB ?? GROWTH_MAX_MIB));
        t.true(figures.keptMiB < KEPT_MAX_MIB);
      },
    );
}
