import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { sleep, systemClock } from '#protocol/clock.js';
import { readDocuments } from '#protocol/device-document.js';
import { parseYaml } from '#protocol/yaml-file.js';
import {
  complianceDevice,
  inProcessRig,
  mapped,
  mapperCompliance,
  recordingHost,
  ScriptedDevice,
  until,
} from '../compliance.js';
import { mqttCompliance, StandInGateway } from '../compliance-mqtt.js';
import { Conversation } from './conversation.js';
import { thermostatModule } from './thermostat.js';

const FOLDER = new URL('../../../mappers/example/', import.meta.url);
/** Debian's own interpreter: its packages are installed for it alone. */
const PYTHON = '/usr/bin/python3';
const hasPaho = spawnSync(PYTHON, ['-c', 'import paho.mqtt.client']).status === 0;
const TIMEOUT_MS = 1000;

/** The scripted device as a thermostat: lines of text over TCP. */
async function serve(
  device: ScriptedDevice,
): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      for (const line of bytes.toString().trim().split('\n'))
        void answer(device, line).then((said) => {
          if (said !== undefined && socket.writable) socket.write(`${said}\n`);
        });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

async function answer(device: ScriptedDevice, line: string): Promise<string | undefined> {
  const [verb, key = '', value] = line.split(' ');
  if (verb === 'GET') {
    const read = await device.read(key);
    return read === undefined ? undefined : `${key} ${read}`;
  }
  const outcome = await device.write(key, Number(value));
  if (outcome === 'no answer') return undefined;
  return outcome === 'taken' ? 'OK' : 'ERR refused';
}

mapperCompliance(test, 'the example in TypeScript', async (device) => {
  const { port, stop } = await serve(device);
  const { host, readings } = recordingHost(systemClock);
  const mapper = thermostatModule.create(host);
  const configData = { host: '127.0.0.1', tcpPort: port, timeout: TIMEOUT_MS };
  const described = complianceDevice(
    { protocolName: 'thermostat', configData },
    { fast: { key: 'fast' }, slow: { key: 'slow' } },
  );
  await mapper.start([mapped(described)]);
  return inProcessRig(mapper, described, readings, stop);
});

if (hasPaho)
  mqttCompliance(test, 'the example in Python', async (device, gateway) => {
    const { port, stop } = await serve(device);
    const python = spawn(
      PYTHON,
      [
        fileURLToPath(new URL('thermostat.py', FOLDER)),
        ...['--broker', `127.0.0.1:${gateway.port}`, '--device', 'default/scripted'],
        ...['--thermostat', `127.0.0.1:${port}`, '--timeout', String(TIMEOUT_MS / 1000)],
        ...['--read', 'fast=0.02', '--read', 'slow=3600'],
      ],
      { stdio: ['ignore', 'inherit', 'ignore'] },
    );
    return async () => {
      if (python.exitCode !== null || python.signalCode !== null) return;
      python.kill('SIGTERM');
      await once(python, 'exit');
      await stop();
    };
  });
else
  test('the example in Python', (t) => {
    t.log('skipped: needs python3-paho-mqtt');
    t.pass();
  });

async function documented(replace: readonly [string, string]) {
  const text = await readFile(new URL('thermostat.yaml', FOLDER), 'utf8');
  const { documents } = await parseYaml('thermostat.yaml', text.replace(...replace));
  const { devices, issues } = readDocuments(
    documents.map(({ value }) => ({ value, source: 'thermostat.yaml' })),
  );
  return { issues, devices: devices.map(({ device }) => device) };
}

test('the example’s document is one that the gateway and its mapper take', async (t) => {
  const { devices, issues } = await documented(['', '']);
  t.deepEqual(issues, []);
  t.is(devices.length, 1);
  for (const device of devices) t.deepEqual(await thermostatModule.validate(device), []);
});

test('the example says what is wrong with a setting, and where', async (t) => {
  const { devices } = await documented(['tcpPort: 5025', 'tcpPrt: 5025']);
  const [issue] = devices[0] === undefined ? [] : await thermostatModule.validate(devices[0]);
  t.deepEqual(issue, {
    path: ['spec', 'protocol', 'configData', 'tcpPrt'],
    message: 'tcpPrt is not known',
    hint: 'Did you mean tcpPort?',
  });
});

/** The commands of README.md, with the addresses of a test. */
async function commands(
  like: RegExp,
  replace: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const manual = await readFile(new URL('../README.md', FOLDER), 'utf8');
  const found = [...manual.matchAll(/^```sh\n(.*)\n```$/gm)].map(([, text = '']) => text);
  const [command = ''] = found.filter((text) => like.test(text));
  return Object.entries(replace)
    .reduce((text, [from, to]) => text.replace(from, to), command)
    .split(' ');
}

const ROOT = fileURLToPath(new URL('../../', FOLDER));

test('the example in a process of its own reports and writes over MQTT', async (t) => {
  const device = new ScriptedDevice();
  const gateway = new StandInGateway();
  await gateway.open();
  const { port, stop } = await serve(device);
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-example-'));
  const text = await readFile(new URL('thermostat.yaml', FOLDER), 'utf8');
  const moved = text
    .replace('name: hall', 'name: scripted')
    .replace('5025', String(port))
    .replaceAll('temperature', 'slow')
    .replaceAll('target', 'fast');
  await writeFile(join(folder, 'thermostat.yaml'), moved);
  const [node = '', ...words] = await commands(/thermostat-process/, {
    '1883': String(gateway.port),
    'mappers/example/thermostat.yaml': join(folder, 'thermostat.yaml'),
  });
  const child = spawn(node, words, { cwd: ROOT, stdio: 'ignore' });
  try {
    await until('a reading', () => gateway.readings.some(({ value }) => value === 20));
    gateway.desire('fast', '25', { gen: 1, n: 9 });
    await until('it is read back', () => gateway.readings.some(({ value }) => value === 25));
    t.deepEqual(device.writes, [{ property: 'fast', value: 25 }]);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    t.is(code, 0);
  } finally {
    child.kill('SIGKILL');
    await stop();
    await gateway.close();
    await rm(folder, { recursive: true });
  }
});

test('the simulated thermostat of the example answers as the README says', async (t) => {
  const port = await freePort();
  const [, ...words] = await commands(/--simulate/, { '5025': String(port) });
  if (!hasPaho) {
    t.log('skipped: needs python3-paho-mqtt');
    t.pass();
    return;
  }
  const python = spawn(PYTHON, words, { cwd: ROOT, stdio: 'ignore' });
  const conversation = new Conversation({ host: '127.0.0.1', tcpPort: port }, 5000, systemClock);
  try {
    const ask = (question: string): Promise<string> =>
      conversation.ask(question).catch(() => sleepThenAsk(question));
    const sleepThenAsk = async (question: string): Promise<string> => {
      await sleep(systemClock, 'thermostat starts', 50);
      return ask(question);
    };
    t.is(await ask('GET target'), 'target 21');
    t.is(await ask('SET target 22'), 'OK');
    t.is(await ask('GET target'), 'target 22.0');
    t.regex(await ask('GET colour'), /^ERR /);
  } finally {
    await conversation.close();
    python.kill('SIGKILL');
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
