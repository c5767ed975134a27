import test from 'ava';
import { TRAPS } from './all.js';
import { findTrap } from './find.js';

for (const trap of TRAPS)
  test.serial(`planted and found: ${trap.name}`, async (t) => {
    t.timeout(10 * 60_000);
    const { isFound, report } = await findTrap(trap);
    t.true(isFound, `${trap.what}\n${report}`);
  });
