import test from 'ava';
import { silentLog } from './log.js';
import { Teardown } from './teardown.js';

test('stops in reverse order, once, and past a part that fails', async (t) => {
  const stopped: string[] = [];
  const teardown = new Teardown(silentLog);
  teardown.add('store', () => void stopped.push('store'));
  teardown.add('broker', async () => {
    throw new Error('stuck');
  });
  teardown.add('mappers', async () => void stopped.push('mappers'));
  await Promise.all([teardown.run(), teardown.run()]);
  t.deepEqual(stopped, ['mappers', 'store']);
});
