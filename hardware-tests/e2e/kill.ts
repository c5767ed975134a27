import type { ExecutionContext } from 'ava';
import { Load } from '../load.js';
import { Site } from '../site.js';
import {
  assertConverged,
  COUNTERS,
  countersDocument,
  DEVICE,
  hubTwin,
  VersionWatch,
} from './counters.js';

/**
 * kill -9 of gateway and hub in turn, `kills` times, at moments drawn from `seed`, while local
 * clients update and the cloud sets desired values.
 */
export async function killUnderLoad(
  t: ExecutionContext,
  { kills, seed }: { kills: number; seed: number },
): Promise<void> {
  t.log(`seed ${seed}, ${kills} kills`);
  const site = await Site.start({ devices: countersDocument() });
  const load = new Load(site.broker, DEVICE);
  const watch = new VersionWatch(site);
  try {
    load.start(COUNTERS, 50);
    let random = seed;
    let desired = 0;
    for (let kill = 0; kill < kills; kill++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      await new Promise((resolve) => setTimeout(resolve, random % 1500));
      const put = site.request(`devices/${DEVICE}/properties/target/desired`, {
        method: 'PUT',
        body: { value: kill },
      });
      const accepted = put.then(({ status }) => status < 300).catch(() => false);
      if (kill % 2 === 0) {
        await site.gateway?.kill();
        await site.startGateway();
      } else {
        await site.hub?.kill();
        await site.startHub();
      }
      if (await accepted) desired = kill;
    }
    await load.stop();
    await watch.stop();
    await assertConverged(t, site, load);
    const target = (await hubTwin(site)).properties.find(({ name }) => name === 'target');
    t.true(Number(target?.desired?.value) >= desired, 'an accepted desired value is kept');
    t.deepEqual(watch.wentBack, []);
    const total = [...load.acknowledged.values()].reduce((sum, value) => sum + value, 0);
    t.true(total > kills, 'there was load');
    t.log(`${total} acknowledged updates, 0 missing`);
  } catch (error) {
    t.log(`gateway:\n${site.gateway?.log.slice(-15).join('\n') ?? ''}`);
    t.log(`hub:\n${site.hub?.log.slice(-15).join('\n') ?? ''}`);
    throw error;
  } finally {
    await watch.stop();
    await load.stop();
    await site.stop();
  }
}
