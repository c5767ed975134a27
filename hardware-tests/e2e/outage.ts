import type { ExecutionContext } from 'ava';
import { Load } from '../load.js';
import { eventually, Site } from '../site.js';
import {
  assertConverged,
  COUNTERS,
  countersDocument,
  DEVICE,
  gatewayTwin,
  hubTwin,
} from './counters.js';

/** The link is dead for `seconds` while values change and desired values are set. */
export async function outage(t: ExecutionContext, seconds: number): Promise<void> {
  const site = await Site.start({ devices: countersDocument(), link: true });
  const load = new Load(site.broker, DEVICE);
  try {
    load.start(COUNTERS, 50);
    await eventually(
      'the first values reach the hub',
      () => hubTwin(site),
      ({ properties }) =>
        properties.some(({ name, reported }) => name === 'a' && reported !== undefined),
    );
    site.link?.cut();
    const before = await hubTwin(site);
    for (let value = 1; value <= 5; value++) {
      const { status } = await site.request(`devices/${DEVICE}/properties/target/desired`, {
        method: 'PUT',
        body: { value },
      });
      t.true(status < 300);
      await new Promise((resolve) => setTimeout(resolve, (seconds * 1000) / 5));
    }
    const during = await hubTwin(site);
    const valueOf = (twin: typeof before): unknown =>
      twin.properties.find(({ name }) => name === 'a')?.reported?.value;
    t.log(
      `a at the hub: ${String(valueOf(before))} at the cut, ${String(valueOf(during))} at its end`,
    );
    site.link?.heal();
    await load.stop();
    await assertConverged(t, site, load);
    const twin = await eventually(
      'the newest desired value reaches the gateway',
      () => gatewayTwin(site),
      ({ properties }) => properties.find(({ name }) => name === 'target')?.desired?.value === 5,
    );
    t.truthy(twin);
  } finally {
    await load.stop();
    await site.stop();
  }
}
