import test from 'ava';
import { STORAGE_CHANGES } from './memory-storage.js';
import { rotationTrial } from './rotation-trials.js';

for (const done of [false, true])
  test(`each call of the storage fails${done ? ', though done,' : ''} while the journal goes on in a new segment, then the power is cut twice, at any two moments of the way back: nothing acknowledged is lost`, async (t) => {
    let [states, alarms] = [0, 0];
    for (const action of STORAGE_CHANGES) {
      for (let nth = 1; nth <= 3; nth += 1) {
        const plan = { nth, fault: 'EIO', actions: [action], done } as const;
        const trial = await rotationTrial(plan);
        t.is(trial.wrong, undefined, `${action} ${nth}`);
        states += trial.states;
        alarms += trial.alarms;
      }
    }
    t.log(`${states} states, ${alarms} alarms`);
    t.true(states > 40_000 && alarms >= 10);
  });
