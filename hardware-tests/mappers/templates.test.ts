import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import type { Device } from '#protocol/device.js';
import { loadMapper } from '#mappers/registry.js';
import { exchangeOrigin, loadTemplate, templateNames } from '#mappers/templates/library.js';
import { loadConfig } from '#runtime/config/load.js';
import { parseYaml } from '#protocol/yaml-file.js';

const library = { names: templateNames, load: loadTemplate };

async function load(t: ExecutionContext, devices: string): Promise<readonly Device[]> {
  const folder = await mkdtemp(join(tmpdir(), 'templates-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'gateway.yaml'), 'node: gw-1\ndevices: [meters.yaml]\n');
  await writeFile(join(folder, 'meters.yaml'), devices);
  const validate = async (device: Device) =>
    (await (await loadMapper(device.protocol.protocolName))?.validate(device)) ?? [];
  return (await loadConfig(join(folder, 'gateway.yaml'), validate, library)).devices;
}

for (const name of await templateNames())
  test(`template ${name}: a few lines make a device that its mapper takes`, async (t) => {
    const text = (await loadTemplate(name)) ?? '';
    const { documents } = await parseYaml(name, text);
    const model = documents[0]?.value as {
      metadata: { name: string; annotations: { source: string; verified: string } };
      spec: { protocolConfigData?: { transport?: string } };
    };
    t.is(model.metadata.name, name);
    t.true(model.metadata.annotations.source.length > 10);
    t.true(['live', 'datasheet', 'community'].includes(model.metadata.annotations.verified));
    const isTcp = model.spec.protocolConfigData?.transport === 'tcp';
    const where = isTcp ? 'host: 192.0.2.1' : 'port: /dev/ttyUSB0';
    const [device] = await load(t, `template: ${name}\nname: d-1\n${where}\n`);
    if (device === undefined) throw new TypeError('no device');
    t.is(device.id, 'default/d-1');
    t.is(device.model, name);
    t.true(device.properties.length > 0);
    t.true(device.properties.every(({ visitor }) => visitor !== undefined));
  });

test('the four lines of a meter, its unit and another namespace', async (t) => {
  const devices = await load(
    t,
    [
      'template: sdm120\nname: meter-1\nport: /dev/ttyUSB0\nunit: 7',
      'template: sdm120\nname: meter-2\nnamespace: hall\nport: /dev/ttyUSB0\nbaudRate: 9600',
    ].join('\n---\n'),
  );
  t.deepEqual(
    devices.map(({ id, protocol }) => [id, protocol.configData['unitId'] ?? 1]),
    [
      ['default/meter-1', 7],
      ['hall/meter-2', 1],
    ],
  );
  t.deepEqual(
    devices.map(({ protocol }) => protocol.configData['baudRate']),
    [2400, 9600],
  );
});

const WRONG: readonly (readonly [string, string, RegExp])[] = [
  ['a misspelt template', 'template: smd120\nname: m\nport: /dev/x', /meters.yaml:1:\d+.*sdm120/s],
  ['no name', 'template: sdm120\nport: /dev/x', /name/],
  ['no port', 'template: sdm120\nname: m', /port: is missing/],
  [
    'a unit of 300',
    'template: sdm120\nname: m\nport: /dev/x\nunit: 300',
    /meters.yaml:4:7 .*unit/s,
  ],
  ['a misspelt setting', 'template: sdm120\nname: m\nport: /dev/x\nbautRate: 1', /4:.*baudRate/s],
];

for (const [name, text, message] of WRONG)
  test(`wrong: ${name}: said with its place and what is meant`, async (t) => {
    const error = await t.throwsAsync(load(t, text), { instanceOf: EdgeError });
    t.regex(error.message, message);
  });

test('the manual lists every template', async (t) => {
  const manual = await readFile(new URL('../../../docs/mappers.md', import.meta.url), 'utf8');
  for (const name of await templateNames()) t.true(manual.includes(`\`${name}\``), name);
});

test('the manual says which templates were never seen to read anything but their own table', async (t) => {
  const manual = await readFile(new URL('../../../docs/mappers.md', import.meta.url), 'utf8');
  const said = /cannot\s+find a wrong table:\s+((?:`[a-z0-9-]+`\s*)+)\./.exec(manual)?.[1] ?? '';
  const origins = await Promise.all(
    (await templateNames()).map(async (name) => [name, await exchangeOrigin(name)] as const),
  );
  t.deepEqual(
    said.split(/[`\s]+/).filter((name) => name !== ''),
    origins.filter(([, origin]) => origin === 'register map').map(([name]) => name),
  );
});
