import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import type { ExecutionContext, TestFn } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { EventStreamParser } from '#protocol/event-stream.js';
import type { ServerEvent } from '#protocol/event-stream.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { FakeTwins, fakeProperty } from '../eventbus/fake-twins.js';
import type { MetaServerLimits } from './limits.js';
import { MetaServer } from './meta-server.js';
import type { GatewayStatus } from './status.js';

interface Gateway {
  readonly twins: FakeTwins;
  readonly server: MetaServer;
  readonly dataDir: string;
  readonly url: string;
  readonly token: string;
  readonly trouble: Trouble;
}

const test = anyTest as TestFn<Gateway>;
const METER = '/api/v1/devices/default/meter';
const DESIRED = `${METER}/properties/setpoint/desired`;

interface Trouble {
  alarm?: { code: string; message: string };
}

function status({ alarm }: Trouble = {}): GatewayStatus {
  return {
    node: 'pi-1',
    software: '0.0.0',
    uptimeMs: 1_500,
    hub: {
      connected: true,
      epoch: 3,
      since: 10,
      transport: 'memory',
      url: 'wss://hub:1',
      unsent: 2,
      inFlight: 1,
      reconnects: 4,
    },
    store: {
      ...{ commits: 5, syncs: 6, bytesWritten: 7 },
      flash: {
        state: 'saving',
        day: { bytes: 1, blocks: 2, syncs: 3 },
        dayFlashBytes: 8_192,
        budgetBytes: 10_000,
        windowMs: 20,
      },
      damage: [],
      ...(alarm === undefined ? {} : { alarm }),
    },
    time: { quality: 'synced', wall: 1_795_000_000_000 },
    broker: { address: '127.0.0.1:1883', clients: 1, counters: { published: 9 } },
    mappers: [
      {
        protocolName: 'modbus',
        devices: [{ device: 'default/meter', state: 'online' }],
        counters: { 'odd "name"\n': 8 },
      },
    ],
    devices: 1,
    ...{ refusedDevices: {}, alarms: [], undelivered: { total: 0, kept: [] } },
    memoryBytes: 50_000_000,
  };
}

async function start(limits: Partial<MetaServerLimits> = {}): Promise<Gateway> {
  const twins = new FakeTwins();
  twins.addDevice('default/meter', [fakeProperty('setpoint'), fakeProperty('level')]);
  const trouble: Trouble = {};
  const dataDir = await mkdtemp(join(tmpdir(), 'edgetwin-meta-'));
  const server = new MetaServer({
    twins,
    status: () => status(trouble),
    listen: { host: '127.0.0.1', port: 0 },
    dataDir,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    limits,
  });
  const { url } = await server.start();
  const control = JSON.parse(await readFile(join(dataDir, 'control.json'), 'utf8')) as {
    token: string;
  };
  return { twins, server, dataDir, url, token: control.token, trouble };
}

async function stop({ server, dataDir }: Gateway): Promise<void> {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
}

test.beforeEach(async (t) => {
  t.context = await start();
});

test.afterEach.always((t) => stop(t.context));

async function put(
  { url, token }: Gateway,
  path: string,
  body: string,
  headers: Record<string, string> = { authorization: `Bearer ${token}` },
) {
  const response = await fetch(url + path, { method: 'PUT', body, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname).on('error', () => undefined);
  let answer = '';
  socket.setEncoding('latin1').on('data', (part: string) => (answer += part));
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

test('status, devices and one device are shown to this machine without a token', async (t) => {
  const { url, twins } = t.context;
  const get = async (path: string) => (await fetch(url + path)).json();
  t.deepEqual(await get('/api/v1/status'), JSON.parse(JSON.stringify(status())));
  twins.desire('default/meter', 'setpoint', 40);
  t.like(await get('/api/v1/devices'), { devices: [{ id: 'default/meter' }] });
  t.like(await get(METER), {
    id: 'default/meter',
    protocol: 'virtual',
    properties: [
      { name: 'setpoint', desired: { value: 40 }, state: 'pending', unsent: false },
      { name: 'level' },
    ],
  });
});

test('REST write by GET, H50: a local write needs the token of the control file and reaches the twin', async (t) => {
  const { twins } = t.context;
  t.is((await put(t.context, DESIRED, '{"value":42}', {})).status, 401);
  t.is(
    (await put(t.context, DESIRED, '{"value":42}', { authorization: 'Bearer x' })).body['code'],
    'EDGE_UNAUTHENTICATED',
  );
  t.deepEqual(twins.writes, []);
  const written = await put(t.context, DESIRED, '{"value":42}');
  t.is(written.status, 202);
  t.like(written.body, { device: 'default/meter', property: 'setpoint', local: { value: 42 } });
  t.like(twins.writes, [{ property: 'setpoint', value: 42, actor: 'cli' }]);
});

test('CVE-2022-31073, H50: hostile bodies and paths are refused with a code and write nothing', async (t) => {
  const { twins } = t.context;
  for (const [path, body, status, code] of [
    [DESIRED, 'null', 400, 'EDGE_MALFORMED'],
    [DESIRED, '[]', 400, 'EDGE_MALFORMED'],
    [DESIRED, '{}', 400, 'EDGE_MALFORMED'],
    [DESIRED, '{"value":1,"actor":"hub"}', 400, 'EDGE_MALFORMED'],
    [DESIRED, '{"__proto__":{"value":1}}', 400, 'EDGE_MALFORMED'],
    [DESIRED, '{"value":{"__proto__":1}}', 400, 'EDGE_MALFORMED'],
    [DESIRED, '{"value":1e400}', 400, 'EDGE_MALFORMED'],
    [DESIRED, `{"value":${'['.repeat(7_000)}${']'.repeat(7_000)}}`, 413, 'EDGE_LIMIT'],
    [DESIRED, `{"value":"${'x'.repeat(10_000)}"}`, 413, 'EDGE_LIMIT'],
    [DESIRED, `{"value":"${'x'.repeat(5_000_000)}"}`, 413, 'EDGE_LIMIT'],
    [`${METER}/properties/none/desired`, '{"value":1}', 404, 'EDGE_NO_PROPERTY'],
    ['/api/v1/devices/__proto__/x/properties/y/desired', '{"value":1}', 404, 'EDGE_NO_PROPERTY'],
    ['/api/v1/devices/%/x/properties/y/desired', '{"value":1}', 400, 'EDGE_MALFORMED'],
    ['/../../etc/passwd', '{"value":1}', 404, 'EDGE_UNSUPPORTED'],
    [METER, '{"value":1}', 405, 'EDGE_UNSUPPORTED'],
  ] as const) {
    const answer = await put(t.context, path, body);
    t.is(answer.status, status, `${path} ${body.slice(0, 40)}`);
    t.is(answer.body['code'], code, `${path} ${body.slice(0, 40)}`);
  }
  t.false(twins.writes.some(({ property }) => property === 'setpoint'));
});

test('CVE-2022-31073: a body of a gibibyte in chunks is refused at every path, after the first few', async (t) => {
  const { url, token } = t.context;
  const chunk = Buffer.concat([
    Buffer.from('10000\r\n'),
    Buffer.alloc(65_536),
    Buffer.from('\r\n'),
  ]);
  const before = process.memoryUsage.rss();
  let most = 0;
  for (const [line, expected] of [
    [`PUT ${DESIRED}`, /^HTTP\/1\.1 413 /],
    [`DELETE /api/v1/alarms/x`, /^HTTP\/1\.1 4\d\d /],
    ['PUT /nothing', /^HTTP\/1\.1 404 /],
    ['POST /api/v1/status', /^HTTP\/1\.1 405 /],
    // Nobody reads this one, and the connection ends with the answer.
    ['GET /api/v1/status', /^HTTP\/1\.1 200 /],
  ] as const) {
    const { hostname, port } = new URL(url);
    const socket: Socket = connect(Number(port), hostname).on('error', () => undefined);
    let [answer, sent] = ['', 0];
    socket.setEncoding('latin1').on('data', (part: string) => (answer += part));
    const pour = (): void => {
      while (sent < 16_384 && socket.writable) {
        sent++;
        if (!socket.write(chunk)) return;
      }
      socket.end();
    };
    socket.on('drain', pour);
    const head = `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked`;
    socket.write(`${line} HTTP/1.1\r\n${head}\r\n\r\n`, pour);
    await new Promise((resolve) => socket.once('close', resolve));
    // Who goes on sending may lose the answer to the reset of the connection.
    if (answer !== '') t.regex(answer, expected, line);
    most = Math.max(most, sent);
  }
  t.true(most < 16_384);
  const grown = Math.round((process.memoryUsage.rss() - before) / 2 ** 20);
  t.log(`cut after at most ${Math.ceil(most / 16)} of 1,024 MiB, grew ${grown} MiB`);
  t.true(grown < 64);
  t.is((await fetch(`${url}/healthz`)).status, 200);
});

test('H50: a foreign Host header is refused, so no web page can rebind its name to this gateway', async (t) => {
  const request = 'GET /api/v1/devices HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n';
  t.regex(await raw(t.context.url, request), /^HTTP\/1\.1 421 /);
});

test('health turns 503 with the alarm of the store', async (t) => {
  const health = async () => {
    const response = await fetch(`${t.context.url}/healthz`);
    return { status: response.status, body: await response.json() };
  };
  t.deepEqual(await health(), { status: 200, body: { status: 'ok', alarms: [] } });
  const alarm = { code: 'EDGE_STORAGE', message: 'no space left' };
  t.context.trouble.alarm = alarm;
  t.deepEqual(await health(), { status: 503, body: { status: 'failing', alarms: [alarm] } });
});

test('metrics are plain text, escaped, with one TYPE line a family', async (t) => {
  const response = await fetch(`${t.context.url}/metrics`);
  const lines = (await response.text()).trimEnd().split('\n');
  t.true(lines.includes('edgetwin_hub_unsent_rows 2'));
  t.true(lines.includes('edgetwin_store_warning 0'));
  t.true(lines.includes('edgetwin_alarm{code="EDGE_UNDELIVERED"} 0'));
  t.true(lines.includes('edgetwin_broker_events_total{event="published"} 9'));
  t.true(
    lines.includes('edgetwin_mapper_events_total{protocol="modbus",event="odd \\"name\\"\\n"} 8'),
  );
  const types = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
  t.is(new Set(types).size, types.length);
  for (const line of lines) t.regex(line, /^(# TYPE \w+ (counter|gauge)|\w+(\{.*\})? -?[\d.]+)$/);
});

async function* events(t: ExecutionContext, url: string): AsyncGenerator<ServerEvent> {
  const stopped = new AbortController();
  t.teardown(() => stopped.abort());
  const { body } = await fetch(url, { signal: stopped.signal });
  const parser = new EventStreamParser();
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>)
    yield* parser.push(Buffer.from(chunk).toString());
}

test('a watch begins with a snapshot and goes on with every change', async (t) => {
  const { twins, url } = t.context;
  const stream = events(t, `${url}/api/v1/watch?device=default/meter`);
  const next = async () => (await stream.next()).value as ServerEvent;
  t.like(await next(), {
    event: 'snapshot',
    data: { last: true, devices: [{ id: 'default/meter' }] },
  });
  twins.addDevice('default/other', [fakeProperty('x')]);
  twins.desire('default/other', 'x', 1);
  twins.desire('default/meter', 'setpoint', 7);
  t.like(await next(), {
    event: 'property',
    data: { device: 'default/meter', property: { name: 'setpoint', desired: { value: 7 } } },
  });
  twins.removeDevice('default/meter');
  t.like(await next(), { event: 'device-removed', data: { device: 'default/meter' } });
});

test('a snapshot of many devices comes in parts, every device once', async (t) => {
  const { twins, url } = t.context;
  const properties = Array.from({ length: 200 }, (_, index) => fakeProperty(`p${index}`));
  for (let index = 0; index < 30; index++) twins.addDevice(`default/d${index}`, properties);
  const seen: string[] = [];
  let parts = 0;
  for await (const { data } of events(t, `${url}/api/v1/watch`)) {
    const { devices, last } = data as { devices: { id: string }[]; last: boolean };
    parts++;
    seen.push(...devices.map(({ id }) => id));
    if (last) break;
  }
  t.true(parts > 5);
  t.deepEqual(
    seen,
    twins.devices().map(({ device }) => device.id),
  );
});

test('C19: a watcher that stops reading is cut at the byte limit', async (t) => {
  const gateway = await start({ watchQueueBytes: 100_000 });
  t.teardown(() => stop(gateway));
  const { hostname, port } = new URL(gateway.url);
  const lazy = connect(Number(port), hostname).on('error', () => undefined);
  lazy.write('GET /api/v1/watch HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(lazy, 'readable');
  const value = 'x'.repeat(8_000);
  const cut = async () =>
    (await (await fetch(`${gateway.url}/metrics`)).text()).includes('event="watchesCut"} 1');
  while (!(await cut()))
    for (let count = 0; count < 100; count++)
      gateway.twins.desire('default/meter', 'setpoint', value);
  lazy.destroy();
  t.pass();
});

test('there are never more watches than the limit', async (t) => {
  const gateway = await start({ watchers: 1 });
  t.teardown(() => stop(gateway));
  await events(t, `${gateway.url}/api/v1/watch`).next();
  t.is((await fetch(`${gateway.url}/api/v1/watch`)).status, 429);
});

test('#7231, C23: hundreds of half-open connections do not keep an honest client out', async (t) => {
  const gateway = await start({ connections: 20 });
  t.teardown(() => stop(gateway));
  const { hostname, port } = new URL(gateway.url);
  const sockets = await Promise.all(
    Array.from({ length: 300 }, async () => {
      const socket = connect(Number(port), hostname).on('error', () => undefined);
      await once(socket, 'connect');
      socket.write('GET /healthz HTTP/1.1\r\nHost: ');
      return socket;
    }),
  );
  t.is((await fetch(`${gateway.url}/healthz`)).status, 200);
  sockets.forEach((socket) => socket.destroy());
});

test('#7231, C23: a header that never ends is cut off', async (t) => {
  const gateway = await start({
    headersTimeoutMs: 200,
    requestTimeoutMs: 300,
    checkIntervalMs: 50,
  });
  t.teardown(() => stop(gateway));
  t.regex(await raw(gateway.url, 'GET / HTTP/1.1\r\nHost: localhost\r\nX: '), /^HTTP\/1\.1 408 /);
});

test('the control file is private and gone after the stop', async (t) => {
  const path = join(t.context.dataDir, 'control.json');
  t.is((await stat(path)).mode & 0o777, 0o600);
  await t.context.server.stop();
  await t.throwsAsync(stat(path), { code: 'ENOENT' });
});
