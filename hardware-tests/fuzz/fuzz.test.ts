import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { fuzz, GROWTH_MAX_MIB } from './fuzzer.js';
import { fuzzTargets } from './targets.js';

const { targets, stop } = await fuzzTargets();
test.after.always(stop);

for (const target of targets)
  test.serial(`${target.rows}: a few hundred mutated inputs, ${target.name}`, async (t) => {
    const inputs = Math.ceil(1_000 * Math.sqrt(target.share ?? 1));
    const figures = await fuzz(target, { inputs, seed: 20_261, clock: systemClock });
    t.true(figures.refused > 0, 'nothing was refused: it does not look');
    t.true(figures.taken > 0, 'nothing was taken: mutations do not reach deep');
    t.true(figures.grownMiB < GROWTH_MAX_MIB);
  });

test('D31: a serial sensor that sends nothing but starts of frames costs no more than their bytes', (t) => {
  const serial = targets.find(({ name }) => name === 'frames of serial sensors');
  serial?.fuzz(Buffer.concat([Buffer.of(4, 1), Buffer.alloc(100_000, '/')]));
  t.pass();
});

test('the fuzzer itself fails on a defect, and says the input', async (t) => {
  const target = { ...targets[0]!, corpus: [Buffer.from('abc')], name: 'broken' };
  const broken = { ...target, fuzz: (data: Buffer) => JSON.parse(data.toString()) as unknown };
  await t.throwsAsync(fuzz(broken, { inputs: 10, seed: 1, clock: systemClock }), {
    message: /broken, seed 1: SyntaxError.* for 616263/,
  });
});
