import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Load } from '../load.js';
import { EDGETWIN, EDGETWIN_HUB, mustRun, runVerb } from '../programs.js';
import { eventually, Site } from '../site.js';
import {
  assertConverged,
  COUNTERS,
  countersDocument,
  DEVICE,
  gatewayTwin,
  hubTwin,
} from './counters.js';

async function setTarget(site: Site, value: number): Promise<void> {
  const init = { method: 'PUT', body: { value } };
  const { status } = await site.request(`devices/${DEVICE}/properties/target/desired`, init);
  if (status >= 300) throw new Error(`the hub answered ${status}`);
  await targetAtGateway(site, value);
}

async function targetAtGateway(site: Site, value: number): Promise<void> {
  await eventually(
    `target ${value} reaches the gateway`,
    () => gatewayTwin(site),
    ({ properties }) => properties.find(({ name }) => name === 'target')?.desired?.value === value,
  );
}

async function counted(site: Site, least: number): Promise<void> {
  await eventually(
    `the hub has counted to ${least}`,
    () => hubTwin(site),
    ({ properties }) =>
      COUNTERS.every(
        (name) =>
          Number(properties.find((property) => property.name === name)?.reported?.value) >= least,
      ),
  );
}

async function withSite(
  t: ExecutionContext,
  run: (site: Site, load: Load) => Promise<void>,
): Promise<void> {
  const site = await Site.start({ devices: countersDocument() });
  const load = new Load(site.broker, DEVICE);
  try {
    load.start(COUNTERS, 20);
    await counted(site, 5);
    await run(site, load);
    await load.stop();
    await assertConverged(t, site, load);
  } catch (error) {
    t.log(`gateway:\n${site.gateway?.log.slice(-15).join('\n') ?? ''}`);
    t.log(`hub:\n${site.hub?.log.slice(-15).join('\n') ?? ''}`);
    throw error;
  } finally {
    await load.stop();
    await site.stop();
  }
}

test('a gateway restored from a backup agrees with its hub again', async (t) => {
  await withSite(t, async (site, load) => {
    const file = join(site.folder, 'pi-1.backup');
    const config = ['--config', site.config];
    await setTarget(site, 1);
    const report = await mustRun(EDGETWIN, ['backup', ...config, '--json', file]);
    t.like(JSON.parse(report), { durable: true, withIdentity: false, parts: 1 });
    t.is((await stat(file)).mode & 0o777, 0o600);
    await setTarget(site, 2);
    const before = Math.max(...load.acknowledged.values());
    await counted(site, before);

    const refused = await runVerb(EDGETWIN, ['restore', ...config, file]);
    t.is(refused.code, 1);
    t.regex(refused.stderr, /^error EDGE_LOCKED: process \d+ uses .*\nhint: Stop process/);

    await site.gateway?.kill();
    await mustRun(EDGETWIN, ['restore', ...config, '--dry-run', file]);
    t.regex(await mustRun(EDGETWIN, ['restore', ...config, file]), /^restored \d+ rows/);
    await site.startGateway();
    await targetAtGateway(site, 2);
    await counted(site, before + 20);
  });
});

test('a hub restored from a backup agrees with its gateway again', async (t) => {
  await withSite(t, async (site, load) => {
    const file = join(site.folder, 'hub.backup');
    const data = ['--data', site.hubData];
    await setTarget(site, 1);
    await mustRun(EDGETWIN_HUB, ['backup', ...data, '--with-identity', file]);
    const before = Math.max(...load.acknowledged.values());
    await counted(site, before);
    await site.hub?.stop();
    await mustRun(EDGETWIN_HUB, ['restore', ...data, file]);
    await site.startHub();
    await counted(site, before + 20);
    await setTarget(site, 3);
  });
});
