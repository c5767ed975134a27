import test from 'ava';
import { EVERY_ACTION, WAYS, faultTrial } from './fault-trials.js';
import type { StorageFault } from './memory-storage.js';

const FAULTS: readonly StorageFault[] = [
  ...(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'EACCES'] as const),
];

for (const how of ['once', 'from then on', 'once, though done', 'from then on, though done']) {
  test(`each of the first 200 calls of a storage fails ${how}, with each error: nothing acknowledged is lost, an alarm says so, and durability returns unaided`, async (t) => {
    const sticky = how.startsWith('from then on');
    const done = how.endsWith('done');
    let [trials, alarms] = [0, 0];
    for (let nth = 1; nth <= 200; nth += 1) {
      for (const [index, fault] of FAULTS.entries()) {
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
