import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect as connectPlainly } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { IConnectPacket } from 'mqtt-packet';
import { systemClock } from '#protocol/clock.js';
import type { Clock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { fingerprintOf, TestAuthority } from '#tunnel/test-authority.js';
import { bench, METER, update } from './bus-fixture.js';
import type { ClientRecord } from './client-file.js';
import { ClientRegistry, writeClients } from './client-registry.js';
import { EventBus } from './event-bus.js';
import { FakeTwins } from './fake-twins.js';
import { TLS_LIMITS } from './limits.js';
import { hashPassword } from './password-check.js';
import { connectBytes, RawClient } from './raw-client.js';

const RANDOM = seededRandom(7);
const PASSWORD = 'the-boss-password';
const HASH = hashPassword(Buffer.from(PASSWORD), RANDOM);
const DAY_MS = 24 * 3_600_000;

interface Shown {
  readonly key: string;
  readonly certificate: string;
}

function clientOf(authority: TestAuthority, subject: string, more: object = {}): Shown {
  return authority.issue({ names: [subject], usage: 'client', ...more });
}

async function secured(t: ExecutionContext, withAuthority = true) {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-tls-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const plant = new TestAuthority('plant');
  const pinned = clientOf(new TestAuthority('vendor'), 'some vendor');
  const files = {
    certificate: join(folder, 'broker.crt'),
    key: join(folder, 'broker.key'),
    ...(withAuthority ? { clientAuthority: join(folder, 'plant.crt') } : {}),
  };
  const show = async ({ certificate, key }: Shown): Promise<void> => {
    await writeFile(files.certificate, certificate);
    await writeFile(files.key, key);
  };
  await show(plant.hub());
  await writeFile(join(folder, 'plant.crt'), plant.certificate);
  const none = { devices: [], topics: [], write: false, created: 0 };
  const meter = { ...none, name: 'meter', devices: ['default/meter'], subject: 'meter 7' };
  const pin = { ...none, name: 'pin', certificate: fingerprintOf(pinned.certificate) };
  const boss = { ...none, name: 'boss', devices: ['*'], password: await HASH };
  const put = (...records: ClientRecord[]) => writeClients(folder, records, RANDOM);
  await put(meter, pin, boss);
  const clients = new ClientRegistry(folder, { clock: systemClock, log: silentLog });
  await clients.start();
  t.teardown(async () => clients.stop());
  // Time of the wall only: certificates end, and nobody waits for it.
  const wall = { aheadMs: 0 };
  const clock: Clock = {
    now: () => systemClock.now(),
    wallTime: () => systemClock.wallTime() + wall.aheadMs,
    setTimer: (...timer) => systemClock.setTimer(...timer),
  };
  const all = await bench(t, {
    clock,
    // Nothing here is about how fast a machine is.
    limits: { connectMs: 100_000 },
    credentials: { clients, isRequired: false },
    tls: { listen: { host: '127.0.0.1', port: 0 }, files },
  });
  const port = all.securePort ?? 0;
  const as = async (
    shown: Shown | undefined,
    packet: Partial<IConnectPacket>,
    more: ConnectionOptions = {},
  ): Promise<RawClient & { code: number | undefined }> => {
    const socket = connect({
      ...{ port, host: '127.0.0.1', servername: 'localhost', ca: plant.certificate },
      ...(shown === undefined ? {} : { key: shown.key, cert: shown.certificate }),
      ...more,
    });
    await once(socket, 'secureConnect');
    const client = new RawClient(socket, systemClock);
    client.write(connectBytes(packet));
    const { returnCode } = await client.next('connack');
    return Object.assign(client, { code: returnCode });
  };
  const more = { folder, files, plant, pinned, port, as, show, put, clients, meter, boss, wall };
  return { ...all, ...more };
}

test('over TLS a client is whom its certificate says, with the rights of that client', async (t) => {
  const { as, plant, pinned, twins, bus } = await secured(t);
  const shown = clientOf(plant, 'meter 7');
  const meter = await as(shown, { clientId: 'meter/1' });
  t.is(meter.code, 0);
  t.deepEqual(await meter.subscribe(`${METER}/twin/update/result`, 1), [1]);
  await meter.publish(`${METER}/twin/update`, update({ temperature: { actual: { value: '20' } } }));
  await meter.message();
  t.is(twins.reports.length, 1);
  await meter.publish('$hw/events/device/plant/pump/twin/update', update({ on: {} }), { qos: 1 });
  t.is(bus.stats()['publishesDropped'], 1);
  t.is((await as(shown, { clientId: 'meter', username: 'meter' })).code, 0);
  t.is((await as(pinned, { clientId: 'pin' })).code, 0);
  t.is((await as(shown, { clientId: 'meter' }, { maxVersion: 'TLSv1.2' })).code, 0);
});

test('D27: over TLS the client id and the user name belong to the certificate', async (t) => {
  const { as, plant } = await secured(t);
  const shown = clientOf(plant, 'meter 7');
  t.is((await as(shown, { clientId: 'boss' })).code, 2);
  t.is((await as(shown, { clientId: 'meter2' })).code, 2);
  const password = Buffer.from(PASSWORD);
  t.is((await as(shown, { clientId: 'boss', username: 'boss', password })).code, 4);
});

test('a certificate of another authority, for servers, unknown, ended or of an authority: refused', async (t) => {
  const { as, plant, bus } = await secured(t);
  const evil = new TestAuthority('plant');
  const ended = { fromMs: 0, untilMs: systemClock.wallTime() - DAY_MS };
  const cases: readonly (readonly [string, Shown])[] = [
    ['evil', clientOf(evil, 'meter 7')],
    ['server', plant.issue({ names: ['meter 7'], usage: 'server' })],
    ['unknown', clientOf(plant, 'meter 8')],
    ['ended', clientOf(plant, 'meter 7', ended)],
    ['authority', clientOf(plant, 'meter 7', { isAuthority: true })],
    ['two names', clientOf(plant, 'meter 7 + CN=meter 7')],
  ];
  const password = Buffer.from(PASSWORD);
  for (const [why, shown] of cases) {
    t.is((await as(shown, { clientId: 'meter' })).code, 5, why);
    const withPassword = { clientId: 'boss', username: 'boss', password };
    t.is((await as(shown, withPassword)).code, 5, `${why} with a password`);
  }
  t.is(bus.stats()['connectsRefused'], cases.length * 2);
});

test('a password is good over TLS too; nobody comes in there without any credential', async (t) => {
  const { as } = await secured(t);
  const boss = { clientId: 'boss', username: 'boss', password: Buffer.from(PASSWORD) };
  t.is((await as(undefined, boss)).code, 0);
  t.is((await as(undefined, { ...boss, password: Buffer.from('wrong') })).code, 4);
  t.is((await as(undefined, { clientId: 'x' })).code, 5);
  t.is(
    (await as(undefined, { clientId: 'pin', username: 'pin', password: boss.password })).code,
    4,
  );
});

test('without an authority only certificates that were named are good', async (t) => {
  const { as, plant, pinned } = await secured(t, false);
  t.is((await as(pinned, { clientId: 'pin' })).code, 0);
  t.is((await as(clientOf(plant, 'meter 7'), { clientId: 'meter' })).code, 5);
});

test('renewed files are shown without a restart; half of a pair changes nothing', async (t) => {
  const { as, plant, bus, show, files, boss } = await secured(t);
  const next = new TestAuthority('next');
  const client = await as(clientOf(plant, 'meter 7'), { clientId: 'meter' });
  const pair = next.hub();
  await writeFile(files.certificate, pair.certificate);
  await bus.lookAtCertificates();
  const byPassword = { clientId: boss.name, username: 'boss', password: Buffer.from(PASSWORD) };
  t.is((await as(undefined, byPassword)).code, 0);
  await show(pair);
  await bus.lookAtCertificates();
  await t.throwsAsync(as(undefined, byPassword));
  t.is((await as(undefined, byPassword, { ca: next.certificate })).code, 0);
  await client.settled();

  await writeFile(files.clientAuthority ?? '', next.certificate);
  await bus.lookAtCertificates();
  await client.closed;
  const ca = next.certificate;
  t.is((await as(clientOf(plant, 'meter 7'), { clientId: 'meter' }, { ca })).code, 5);
  t.is((await as(clientOf(next, 'meter 7'), { clientId: 'meter' }, { ca })).code, 0);
});

test('a client is cut when its certificate ends, or when another is named for it', async (t) => {
  const { as, plant, bus, put, clients, meter, boss, wall } = await secured(t);
  const untilMs = systemClock.wallTime() + DAY_MS;
  const brief = await as(clientOf(plant, 'meter 7', { untilMs }), { clientId: 'meter' });
  await bus.lookAtCertificates();
  await brief.settled();
  wall.aheadMs = 2 * DAY_MS;
  await bus.lookAtCertificates();
  await brief.closed;
  const long = await as(clientOf(plant, 'meter 7'), { clientId: 'meter' });
  await put({ ...meter, subject: 'meter 8' }, boss);
  await clients.refresh();
  await long.closed;
  t.is((await as(clientOf(plant, 'meter 7'), { clientId: 'meter' })).code, 5);
  t.is((await as(clientOf(plant, 'meter 8'), { clientId: 'meter' })).code, 0);
});

test('connections that never finish a handshake give way, and are no clients of others', async (t) => {
  const { as, plant, port, bus, client } = await secured(t);
  const silent: Socket[] = [];
  for (let index = 0; index < TLS_LIMITS.strangers; index++) {
    const socket = connectPlainly({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    silent.push(socket);
  }
  t.teardown(() => silent.forEach((socket) => socket.destroy()));
  t.is((await as(clientOf(plant, 'meter 7'), { clientId: 'meter' })).code, 0);
  t.is(bus.stats()['tlsGaveWay'], 1);
  await (await client()).settled();
});

test('files that cannot be used keep the bus from starting, and leave nothing behind', async (t) => {
  const { folder, files, plant } = await secured(t);
  const clients = new ClientRegistry(folder, { clock: systemClock, log: silentLog });
  const start = async (changed: Partial<typeof files>) => {
    const bus = new EventBus({
      ...{ twins: new FakeTwins(), node: 'edge-1', clock: systemClock, random: RANDOM },
      ...{ log: silentLog, listen: { host: '127.0.0.1', port: 0 } },
      credentials: { clients, isRequired: true },
      tls: { listen: { host: '127.0.0.1', port: 0 }, files: { ...files, ...changed } },
    });
    await bus.start();
  };
  const other = join(folder, 'other.key');
  await writeFile(other, plant.hub().key);
  const leaf = join(folder, 'leaf.crt');
  await writeFile(
    leaf,
    clientOf(new TestAuthority('x'), 'x').certificate.split(/(?=-----BEGIN)/)[0]!,
  );
  for (const changed of [
    { key: join(folder, 'none') },
    { key: other },
    { certificate: other },
    { clientAuthority: leaf },
  ])
    await t.throwsAsync(start(changed), { code: 'EDGE_CONFIG' }, JSON.stringify(changed));
});

const installed = spawnSync('mosquitto_pub', ['--help']).error === undefined;

test('mosquitto_pub and mosquitto_sub with --cafile, --cert and --key', async (t) => {
  if (!installed) {
    t.log('skipped: needs mosquitto_pub');
    t.pass();
    return;
  }
  const { folder, plant, port, twins } = await secured(t);
  const ca = join(folder, 'plant.crt');
  const run = async (program: string, args: readonly string[], shown?: Shown) => {
    const files = ['c.crt', 'c.key'].map((name) => join(folder, name));
    await writeFile(files[0]!, shown?.certificate ?? '');
    await writeFile(files[1]!, shown?.key ?? '', { mode: 0o600 });
    const own = shown === undefined ? [] : ['--cert', files[0]!, '--key', files[1]!];
    const all = ['-h', 'localhost', '-p', `${port}`, '--cafile', ca, ...own, ...args];
    return new Promise<{ failed: boolean; text: string }>((resolve) =>
      execFile(program, all, { timeout: 90_000 }, (error, out, err) =>
        resolve({ failed: error !== null, text: out + err }),
      ),
    );
  };
  const publish = ['-q', '1', '-t', `${METER}/twin/update`, '-m'];
  const reading = update({ temperature: { actual: { value: '21' } } });
  const meter = clientOf(plant, 'meter 7');
  const id = ['-i', 'meter'];
  t.like(await run('mosquitto_pub', [...id, ...publish, reading], meter), { failed: false });
  t.is(twins.reports.length, 1);
  const topics = ['-t', `${METER}/twin/get`, '-e', `${METER}/twin/get/result`];
  const ask = [...id, '-V', 'mqttv311', '-W', '60', ...topics, '-m', '{"event_id":"g"}'];
  const heard = await run('mosquitto_rr', ask, meter);
  t.like(JSON.parse(heard.text), { event_id: 'g' });
  t.false((await run('mosquitto_sub', [...id, '-E', '-t', `${METER}/#`], meter)).failed);
  const evil = clientOf(new TestAuthority('plant'), 'meter 7');
  const refused = await run('mosquitto_pub', [...id, ...publish, reading], evil);
  t.true(refused.failed && /not authori[sz]ed/i.test(refused.text), refused.text);
  const ended = clientOf(plant, 'meter 7', { untilMs: systemClock.wallTime() - DAY_MS });
  t.true((await run('mosquitto_pub', [...id, ...publish, reading], ended)).failed);
  const boss = ['-i', 'boss', '-u', 'boss', '-P', PASSWORD, ...publish, reading];
  t.false((await run('mosquitto_pub', boss)).failed);
  t.is(twins.reports.length, 2);
});
