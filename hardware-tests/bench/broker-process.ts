/** The EventBus in a process of its own, for measurements. Prints its port, ends with its parent. */
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { EventBus } from '#runtime/eventbus/event-bus.js';
import { FakeTwins } from '#runtime/eventbus/fake-twins.js';
import type { EventBusLimits } from '#runtime/eventbus/limits.js';

const bus = new EventBus({
  twins: new FakeTwins(),
  node: 'bench',
  listen: { host: '127.0.0.1', port: 0 },
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  limits: JSON.parse(process.argv[2] ?? '{}') as Partial<EventBusLimits>,
});
const { address } = await bus.start();
process.stdout.write(`${address.port}\n`);
process.on('disconnect', () => process.exit());
process.on('message', () => {
  process.send?.(bus.stats());
});
