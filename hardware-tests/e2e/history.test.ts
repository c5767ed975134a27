import test from 'ava';
import { Load } from '../load.js';
import { EDGETWIN, EDGETWIN_HUB, mustRun } from '../programs.js';
import { eventually, Site } from '../site.js';
import { COUNTERS, countersDocument, DEVICE } from './counters.js';

interface Page {
  readonly samples: readonly { readonly value: number }[];
  readonly next?: string;
}
interface Status {
  readonly history: { readonly kept: number; readonly unsent: number; readonly dropped: number };
}

/** Every sample of a counter that the hub has, page by page. */
async function historyOf(site: Site, property: string): Promise<number[]> {
  const values: number[] = [];
  for (let after = '0'; ;) {
    const path = `devices/${DEVICE}/properties/${property}/history?limit=700&after=${after}`;
    const { body } = await site.request(path);
    const { samples, next } = body as unknown as Page;
    values.push(...samples.map(({ value }) => value));
    if (next === undefined) return values;
    after = next;
  }
}

const status = async (site: Site): Promise<Status> => {
  const response = await fetch(`http://${site.gatewayApi}/api/v1/status`);
  return (await response.json()) as Status;
};

test('samples taken on a dead link, around a killed gateway and a killed hub, all arrive in order, once', async (t) => {
  t.timeout(180_000);
  const site = await Site.start({
    devices: countersDocument('counters', { history: true }),
    link: true,
  });
  const load = new Load(site.broker, DEVICE);
  try {
    load.start(COUNTERS, 100);
    await eventually(
      'the first samples reach the hub',
      () => historyOf(site, 'a'),
      ({ length }) => length > 20,
    );
    site.link?.cut();
    await eventually(
      'samples pile up',
      () => status(site),
      ({ history }) => history.unsent > 300,
    );
    await load.stop();
    const { acknowledged } = load;
    // Neither a new process at either end nor what was under way changes what arrives.
    await site.gateway?.kill();
    await site.hub?.kill();
    await site.startHub();
    site.link?.heal();
    await site.startGateway();
    await eventually(
      'everything is acknowledged',
      () => status(site),
      ({ history }) => history.unsent === 0 && history.kept > 0,
    );
    for (const property of COUNTERS) {
      const values = await historyOf(site, property);
      const last = acknowledged.get(property) ?? 0;
      t.log(`${property}: ${values.length} samples, ${last} acknowledged`);
      t.true(values.length >= last && last > 0);
      // Reports of one client are applied in its order, each number once.
      t.deepEqual(
        values,
        Array.from(values, (_, index) => index + 1),
      );
    }
    const { dropped } = (await status(site)).history;
    t.is(dropped, 0);
    const args = ['history', DEVICE, 'a', '--json', '--limit', '3'];
    const fromHub = await mustRun(EDGETWIN_HUB, [...args, '--data', site.hubData]);
    const fromGateway = await mustRun(EDGETWIN, [...args, '--config', site.config]);
    t.is(fromHub, fromGateway);
    t.deepEqual(
      fromHub.split('\n').map((line) => (JSON.parse(line) as { value: number }).value),
      [1, 2, 3],
    );
  } finally {
    await load.stop();
    await site.stop();
  }
});
