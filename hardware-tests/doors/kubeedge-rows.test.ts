import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { checkHubDevice } from '#protocol/hub-device.js';
import { NO_TEMPLATES } from '#runtime/config/device-files.js';
import { loadConfig } from '#runtime/config/load.js';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { EDGETWIN_HUB } from '#cloud/cli/commands.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** What ships: no tests, fakes of tests or hardware-tests. */
function sources(): { path: string; text: string }[] {
  const rooms = ['protocol', 'journal', 'tunnel', 'runtime', 'mappers', 'cloud'];
  return rooms.flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .map((path) => ({
        path: join(room, path),
        text: readFileSync(join(ROOT, room, path), 'utf8'),
      })),
  );
}

test('CVE-2026-62371, CVE-2026-62182: nothing that ships starts a program, a shell or code of a string', (t) => {
  const forbidden = /node:child_process|\bnew Function\(|\beval\(|node:vm\b/;
  const found = sources().filter(({ text }) => forbidden.test(text));
  t.deepEqual(
    found.map(({ path }) => path),
    [],
  );
});

test('CVE-2022-31078: the hub asks no target of others, so no answer of theirs can be endless', (t) => {
  const asks = /globalThis\.fetch|await fetch\(|http\.get\(|https?\.request\(/;
  const found = sources().filter(
    ({ path, text }) =>
      path.startsWith('cloud/') && !path.startsWith('cloud/cli/') && asks.test(text),
  );
  t.deepEqual(
    found.map(({ path }) => path),
    [],
  );
});

const HOSTILE = [
  ';$(touch x)',
  '`touch x`',
  '../../etc/passwd',
  '__proto__',
  'a/b',
  'a\nb',
  'a\0b',
  '.hidden',
  '-rf',
  'ａ',
  '',
];

test('CVE-2026-62182: names with metacharacters, parents and prototypes in a device are refused', (t) => {
  const device = (name: string, property: string) => ({
    device: {
      apiVersion: 'devices.kubeedge.io/v1beta1',
      kind: 'Device',
      metadata: { name, namespace: 'default' },
      spec: {
        deviceModelRef: { name: 'm' },
        nodeName: 'pi-1',
        protocol: { protocolName: 'x' },
        properties: [{ name: property }],
      },
    },
    model: {
      apiVersion: 'devices.kubeedge.io/v1beta1',
      kind: 'DeviceModel',
      metadata: { name: 'm', namespace: 'default' },
      spec: { properties: [{ name: property, type: 'STRING', accessMode: 'ReadWrite' }] },
    },
  });
  t.is(checkHubDevice(device('pump', 'speed')).device?.id, 'default/pump');
  for (const name of HOSTILE) t.is(checkHubDevice(device(name, 'speed')).device, undefined, name);
  for (const name of ['__proto__', 'constructor', 'prototype', ';$(x)', 'a\nb', ''])
    t.is(checkHubDevice(device('pump', name)).device, undefined, name);
});

test('MQTT broker without auth: broker and REST interfaces listen on loopback unless told otherwise', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-doors-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'gateway.yaml');
  await writeFile(file, 'node: pi-1\n');
  const config = await loadConfig(file, () => [], NO_TEMPLATES);
  t.is(config.broker.listen.host, '127.0.0.1');
  t.is(config.api.listen.host, '127.0.0.1');
  const run = EDGETWIN_HUB.commands.find(({ words }) => words[0] === 'run');
  t.is(run?.flags?.find(({ name }) => name === 'api')?.default, '127.0.0.1:7080');
});
