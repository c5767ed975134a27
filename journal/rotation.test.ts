import test from 'ava';
import { rotationTrial } from './rotation-trials.js';

test('the sync fails that says that the journal goes on in a new segment, then the power is cut twice, at any two moments of the way back: nothing acknowledged is lost', async (t) => {
  const trial = await rotationTrial({ nth: 2, fault: 'EIO', actions: ['sync'] });
  t.is(trial.wrong, undefined);
  t.true(trial.states > 1_000 && trial.alarms === 1);
});
