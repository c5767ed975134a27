import test from 'ava';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { sessionTrial } from './session-trial.js';

const SEEDS = 1_000;

test(`messages, a stream and a slow reader over whole sessions, ${SEEDS} seeds`, async (t) => {
  t.timeout(20 * 60_000);
  const bench = new Workbench();
  const trial = { calmFromMs: 3_000, messagesMax: 60, streams: true };
  let without = 0;
  for (let seed = 1_001; seed <= 1_000 + SEEDS; seed++) {
    const wrong = await sessionTrial(seed, bench, trial);
    if (wrong === 'no session') without++;
    else t.is(wrong, undefined);
  }
  t.log(`${without} seeds without a session`);
  t.true(without <= SEEDS / 100, `${without}`);
});
