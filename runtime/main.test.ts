import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

async function run(...argv: string[]) {
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const GATEWAY = {
  node: 'pi-1',
  dataDir: 'data',
  broker: { listen: '127.0.0.1:0' },
  api: { listen: '127.0.0.1:0' },
  devices: ['device.json'],
};

const MODEL = {
  apiVersion: 'devices.kubeedge.io/v1beta1',
  kind: 'DeviceModel',
  metadata: { name: 'm' },
  spec: { properties: [{ name: 'level', type: 'FLOAT', accessMode: 'ReadWrite' }] },
};

const DEVICE = {
  apiVersion: 'devices.kubeedge.io/v1beta1',
  kind: 'Device',
  metadata: { name: 'd' },
  spec: { deviceModelRef: { name: 'm' }, protocol: { protocolName: 'external', configData: {} } },
};

async function site(t: ExecutionContext, gateway: object = GATEWAY, device: object = DEVICE) {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-gw-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'gateway.yaml');
  await writeFile(config, JSON.stringify(gateway, undefined, 2));
  const documents = [MODEL, device].map((one) => JSON.stringify(one, undefined, 2));
  await writeFile(join(folder, 'device.json'), documents.join('\n---\n'));
  return config;
}

test('a gateway without a hub runs, answers its commands and stops in order', async (t) => {
  const config = await site(t);
  const argv = [MAIN, 'run', '--config', config, '--json'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  child.stderr.resume();
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const ready = JSON.parse(line) as Record<string, string>;
  t.is(ready['event'], 'ready');
  t.regex(ready['broker'] ?? '', /^127\.0\.0\.1:\d+$/);
  const status = await run('status', '--config', config, '--json');
  t.like(JSON.parse(status.out), { node: 'pi-1', devices: 1, hub: { connected: false } });
  const set = await run('twin', 'set', '--config', config, 'default/d', 'level', '4.5', '--json');
  t.is(set.code, 0, set.err);
  t.is((await run('run', '--config', config)).code, 1);
  child.kill('SIGTERM');
  t.deepEqual(await exited, [0, null]);
  t.is((await run('status', '--config', config)).code, 3);
});

test('check is quiet about a sound configuration and exact about a broken one', async (t) => {
  const sound = await run('check', '--config', await site(t), '--json');
  t.is(sound.code, 0, sound.err);
  t.like(JSON.parse(sound.out), { node: 'pi-1', devices: ['default/d'] });

  const misspelt = await site(t, { ...GATEWAY, brokr: GATEWAY.broker });
  const broken = await run('check', '--config', misspelt);
  t.is(broken.code, 2);
  t.regex(broken.err, /gateway\.yaml:\d+:\d+ {2}brokr: .*did you mean broker\?/);
});

test('a device whose protocol settings its mapper refuses is found by check', async (t) => {
  const { spec } = DEVICE;
  const protocol = { protocolName: 'modbus', configData: { communicateMode: 'carrier pigeon' } };
  const config = await site(t, GATEWAY, { ...DEVICE, spec: { ...spec, protocol } });
  const { code, err } = await run('check', '--config', config);
  t.is(code, 2, err);
  t.regex(err, /device\.json:\d+:\d+ {2}.*communicateMode/);
});

test('a door that more than this machine reaches is announced once, as a warning', async (t) => {
  const config = await site(t, { ...GATEWAY, api: { listen: '0.0.0.0:0' } });
  const argv = [MAIN, 'run', '--config', config, '--json'];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => void child.kill('SIGKILL'));
  const said: unknown[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => said.push(JSON.parse(line)));
  await once(createInterface({ input: child.stdout }), 'line');
  child.kill('SIGTERM');
  await once(child, 'close');
  const doors = said.filter(
    (line) => (line as { event: string }).event === 'listening-beyond-this-machine',
  );
  t.is(doors.length, 1);
  t.like(doors[0], { level: 'warn', door: 'api', host: '0.0.0.0' });
});
