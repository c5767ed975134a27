import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { EDGETWIN_HUB, runVerb } from '../programs.js';
import { eventually, Site } from '../site.js';
import { meterDocuments, startMeter } from './meter.js';

const DEVICE = 'devices/default/meter-1';

interface Meter {
  readonly hub?: { readonly storedOnGateway: boolean };
  readonly incarnation: string;
  readonly properties: readonly {
    readonly name: string;
    readonly state: string;
    readonly reported?: { readonly value: unknown };
  }[];
}

test('a Modbus meter applied at the hub runs on its gateway; deleted there, it is gone at both ends', async (t) => {
  const meter = await startMeter();
  const site = await Site.start({ devices: '', link: true });
  t.teardown(async () => {
    await site.stop();
    await meter.stop();
  });
  const file = join(site.folder, 'meter.yaml');
  const documents = (await meterDocuments(meter)).replace(
    /(kind: Device\n[^]*?\nspec:\n)/,
    '$1  nodeName: pi-1\n',
  );
  const apply = async (text: string, ...more: string[]) => {
    await writeFile(file, text);
    const words = ['apply', '--data', site.hubData, '-f', file, '--json', ...more];
    const { code, stdout, stderr } = await runVerb(EDGETWIN_HUB, words);
    return { code, said: JSON.parse(stdout === '' ? stderr : stdout) as Record<string, unknown> };
  };
  const atHub = async (): Promise<Meter | undefined> => {
    const { status, body } = await site.request(DEVICE);
    return status === 404 ? undefined : (body as unknown as Meter);
  };
  const atGateway = async (): Promise<number> =>
    (await fetch(`http://${site.gatewayApi}/api/v1/${DEVICE}`)).status;
  const shown = (found: Meter | undefined): boolean =>
    typeof found?.properties.find(({ name }) => name === 'voltage')?.reported?.value === 'number';
  await eventually(
    'connected',
    () => site.request('nodes/pi-1'),
    ({ body }) => body['online'] === true,
  );

  const misspelt = await apply(documents.replace('deviceModelRef', 'deviceModelref'));
  t.is(misspelt.code, 2);
  t.like(misspelt.said, {
    code: 'EDGE_CONFIG',
    issues: { 0: { key: 'spec.deviceModelref', suggestion: 'deviceModelRef', line: 31 } },
  });
  const lost = await apply(documents.replace('nodeName: pi-1', 'nodeName: pi-2'));
  t.is(lost.code, 4);
  t.like(lost.said, { code: 'EDGE_NO_NODE', hint: 'Did you mean pi-1?' });
  const tried = await apply(documents, '--dry-run');
  t.like(tried.said, { devices: { 0: { change: 'created', dryRun: true } } });
  t.is(await atHub(), undefined);

  const applied = await apply(documents);
  t.like(applied.said, {
    devices: { 0: { device: 'default/meter-1', node: 'pi-1', change: 'created' } },
  });
  const first = await eventually('shown at the hub', atHub, shown);
  t.is(first?.hub?.storedOnGateway, true);
  t.is(await atGateway(), 200);
  await site.request(`${DEVICE}/properties/setpoint/desired`, {
    method: 'PUT',
    body: { value: 42 },
  });
  await eventually(
    'in sync',
    atHub,
    (found) =>
      found?.properties.some(({ name, state }) => name === 'setpoint' && state === 'in-sync') ===
      true,
  );

  await site.gateway?.stop();
  await site.startGateway();
  t.is(await atGateway(), 200, 'it survives a restart');

  const ended = await runVerb(EDGETWIN_HUB, [
    'delete',
    'device',
    '--data',
    site.hubData,
    'meter-1',
  ]);
  t.is(ended.stdout, 'deleted default/meter-1\n');
  t.is(await atHub(), undefined);
  await eventually('gone at the gateway', atGateway, (status) => status === 404);

  site.link?.cut();
  t.like((await apply(documents)).said, { devices: { 0: { change: 'created' } } });
  await site.hub?.kill();
  await site.startHub();
  t.is((await atHub())?.hub?.storedOnGateway, false, 'kept for a gateway that is away');
  site.link?.heal();
  const again = await eventually('shown again', atHub, shown);
  t.not(again?.incarnation, first?.incarnation);
  t.is((await apply(documents)).code, 0);
});
