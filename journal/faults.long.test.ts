import test from 'ava';
import { EVERY_ACTION, WAYS, faultTrial } from './fault-trials.js';
import type { StorageFault } from './memory-storage.js';

const OTHERS: readonly StorageFault[] = ['EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'EACCES'];

/** The store tells a full disk from all others, and no more: the others take turns. */
function faultsOf(nth: number): readonly StorageFault[] {
  return ['ENOSPC', 'EIO', OTHERS[nth % OTHERS.length] ?? 'EDQUOT'];
}

for (const how of ['once', 'from then on', 'once, though done', 'from then on, though done']) {
  test(`each of the first 200 calls of a storage fails ${how}, with a full disk and two other errors: nothing acknowledged is lost, an alarm says so, and durability returns unaided`, async (t) => {
    const sticky = how.startsWith('from then on');
    const done = how.endsWith('done');
    let [trials, alarms] = [0, 0];
    for (let nth = 1; nth <= 200; nth += 1) {
      for (const [index, fault] of faultsOf(nth).entries()) {
        for (const way of WAYS) {
          const plan = { nth, fault, sticky, done, actions: EVERY_ACTION };
          const { alarm, wrong } = await faultTrial(plan, nth * 10 + index, way);
          t.is(wrong, undefined, `${fault} at ${nth}${JSON.stringify(way)}`);
          trials += 1;
          if (alarm) alarms += 1;
        }
      }
    }
    t.log(`${trials} trials, ${alarms} still in alarm at their end`);
  });
}
