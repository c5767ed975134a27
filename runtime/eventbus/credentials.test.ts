import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { IConnectPacket } from 'mqtt-packet';
import { systemClock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { bench, json, METER, update } from './bus-fixture.js';
import { CLIENT_FILE, parseClientFile } from './client-file.js';
import type { ClientRecord } from './client-file.js';
import { ClientRegistry, writeClients } from './client-registry.js';
import { CredentialAuthorizer } from './credential-authorizer.js';
import { CLIENT_LIMITS } from './limits.js';
import { hashPassword, PasswordCheck } from './password-check.js';
import { RawClient } from './raw-client.js';

const PUMP = '$hw/events/device/plant/pump';
const RANDOM = seededRandom(5);
const PASSWORDS = { meter: 'the-meter-password', boss: 'the-boss-password' };

/** Made once: each takes milliseconds. */
const HASHES = {
  meter: hashPassword(Buffer.from(PASSWORDS.meter), RANDOM),
  boss: hashPassword(Buffer.from(PASSWORDS.boss), RANDOM),
};

async function record(name: keyof typeof PASSWORDS, grant: Partial<ClientRecord>) {
  const password = await HASHES[name];
  const none = { devices: [], topics: [], write: false, created: 0 };
  return { name, ...none, ...grant, password };
}

async function secured(t: ExecutionContext, isRequired = false) {
  const dataDir = await mkdtemp(join(tmpdir(), 'edgetwin-clients-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const meter = await record('meter', { devices: ['default/meter'], topics: ['line/#'] });
  const boss = await record('boss', { devices: ['*'], write: true });
  const put = (...clients: ClientRecord[]) => writeClients(dataDir, clients, RANDOM);
  await put(meter, boss);
  const clients = new ClientRegistry(dataDir, { clock: systemClock, log: silentLog });
  await clients.start();
  t.teardown(async () => clients.stop());
  const all = await bench(t, { credentials: { clients, isRequired } });
  const connect = (options: Partial<IConnectPacket> = {}) =>
    RawClient.connect(all.port, systemClock, options);
  const as = (name: keyof typeof PASSWORDS, options: Partial<IConnectPacket> = {}) =>
    connect({ clientId: name, username: name, password: Buffer.from(PASSWORDS[name]), ...options });
  return { ...all, dataDir, clients, connect, as, put, meter, boss };
}

test('a client with credentials reports its own devices and hears of them', async (t) => {
  const { as, twins } = await secured(t);
  const meter = await as('meter');
  t.is(meter.connack.returnCode, 0);
  t.deepEqual(await meter.subscribe(`${METER}/twin/update/result`, 1), [1]);
  await meter.publish(`${METER}/twin/update`, update({ temperature: { actual: { value: '20' } } }));
  t.like((await json(meter)).body, {
    event_id: 'e1',
    twin: { temperature: { actual: { value: '20' } } },
  });
  t.is(twins.reports.length, 1);
});

test('D26: reports for another device, desired values, $SYS and the hub’s topics: refused and counted', async (t) => {
  const { as, twins, bus } = await secured(t);
  const meter = await as('meter');
  const topics = [
    `${PUMP}/twin/update`,
    `${PUMP}/state/update`,
    `${PUMP}/twin/get`,
    `${METER}/twin/cloud_updated`,
    `${METER}/twin/update/delta`,
    '$SYS/broker/uptime',
    '$hw/events/node/edge-1/membership/get',
    '$hw/events/upload/x',
    'elsewhere/a',
  ];
  for (const topic of topics)
    for (const qos of [0, 1, 2] as const) await meter.publish(topic, update({ on: {} }), { qos });
  t.is(bus.stats()['publishesDropped'], topics.length * 3);
  const filters = ['#', '+/+/#', '$hw/#', '$SYS/#', `${PUMP}/#`, '$hw/events/device/+/+/#'];
  const shared = ['$share/g/#', '$share/g/line/a'];
  t.deepEqual(
    await meter.subscribe([...filters, ...shared]),
    [...filters, ...shared].map(() => 128),
  );
  t.is(bus.stats()['subscriptionsRefused'], filters.length + shared.length);
  t.log(`${topics.length * 3} of ${topics.length * 3} publishes, 8 of 8 filters refused`);
  t.deepEqual([twins.reports, twins.writes], [[], []]);
  await meter.settled();
});

test('D26: a desired value needs the right to write, and the sender is told', async (t) => {
  const { as, twins } = await secured(t);
  const wanted = update({ mode: { expected: { value: 'eco' } } });
  for (const name of ['meter', 'boss'] as const) {
    const client = await as(name);
    await client.subscribe(`${METER}/twin/update/result`);
    await client.publish(`${METER}/twin/update`, wanted);
    const { body } = await json(client);
    if (name === 'meter') t.like(body, { code: 403, error: 'EDGE_FORBIDDEN' });
    else t.like(body, { twin: { mode: { expected: { value: 'eco' } } } });
    await client.disconnect();
  }
  t.is(twins.writes.length, 1);
});

test('D26: a will on another’s topic is refused at CONNECT, one on the own is said', async (t) => {
  const { as, twins, connect } = await secured(t);
  const payload = Buffer.from(
    update({ temperature: { actual: { value: null, metadata: { quality: 'bad' } } } }),
  );
  const will = (topic: string) => ({ topic, payload, qos: 1 as const, retain: false });
  t.is((await as('meter', { will: will(`${PUMP}/twin/update`) })).connack.returnCode, 5);
  t.is((await as('meter', { will: will('elsewhere') })).connack.returnCode, 5);
  const dying = await as('meter', { will: will(`${METER}/twin/update`) });
  const watcher = await connect();
  await watcher.subscribe(`${METER}/twin/update/result`);
  await dying.vanish();
  await json(watcher);
  t.is(twins.reports.length, 1);
});

test('D27: a client id belongs to its credential: others are refused, the victim stays', async (t) => {
  const { as, connect } = await secured(t);
  const victim = await as('meter');
  const second = await as('meter', { clientId: 'meter/2' });
  t.is(second.connack.returnCode, 0);
  for (const clientId of ['meter', 'meter/2', 'meter/3']) {
    t.is((await as('boss', { clientId })).connack.returnCode, 2, clientId);
    t.is((await connect({ clientId })).connack.returnCode, 2, clientId);
  }
  t.is((await as('boss', { clientId: 'meter2' })).connack.returnCode, 2);
  t.is((await as('boss', { clientId: '' })).connack.returnCode, 0);
  await Promise.all([victim.settled(), second.settled()]);
  t.log('7 of 7 take-overs refused, both victims go on');
});

test('wrong and unknown names and passwords are refused alike', async (t) => {
  const { as, connect } = await secured(t);
  const password = Buffer.from('wrong');
  t.is((await as('meter', { password })).connack.returnCode, 4);
  t.is((await connect({ username: 'nobody', password, clientId: 'x' })).connack.returnCode, 4);
  t.is((await connect({ username: 'meter', clientId: 'meter' })).connack.returnCode, 4);
  t.is(
    (await connect({ username: 'meter', password: Buffer.alloc(300), clientId: 'm' })).connack
      .returnCode,
    4,
  );
});

test('this machine needs no credentials unless it must; elsewhere they are always needed', async (t) => {
  t.is((await (await secured(t)).connect()).connack.returnCode, 0);
  const strict = await secured(t, true);
  t.is((await strict.connect()).connack.returnCode, 5);
  t.is((await strict.as('meter')).connack.returnCode, 0);

  const clock = new ManualClock();
  for (const isRequired of [true, false])
    for (const hasClients of [true, false]) {
      const authorizer = new CredentialAuthorizer({
        clients: {
          get: (name) => (name === 'meter' ? strict.meter : undefined),
          holderOf: () => undefined,
          hasClients,
        },
        clientOf: () => undefined,
        ...{ isRequired, clock, random: RANDOM },
      });
      const from = (address: string, username?: string) =>
        authorizer.connect({
          client: { id: 'meter', address, username },
          password: username === undefined ? undefined : Buffer.from(PASSWORDS.meter),
          ...{ willTopic: undefined, isIdMadeUp: false },
        });
      t.is(await from('192.168.1.7'), 'not-authorized');
      t.is(await from('192.168.1.7', 'meter'), 'accepted');
      t.is(await from('192.168.1.7', 'other'), 'bad-credentials');
    }
});

test('a client that is removed, or has other rights, is cut and its session forgotten', async (t) => {
  const { as, put, meter, boss, clients, bus, connect } = await secured(t);
  const kept = await as('meter', { clean: false });
  await kept.subscribe('line/a', 1);
  const other = await as('boss');
  await put({ ...meter, topics: ['other/#'] }, boss);
  await clients.refresh();
  await kept.closed;
  t.like(bus.stats(), { 'cut:revoked': 1, sessions: 0 });
  await other.settled();
  const again = await as('meter', { clean: false });
  t.false(again.connack.sessionPresent);
  t.deepEqual(await again.subscribe('line/a', 1), [128]);
  await put(boss);
  await clients.refresh();
  await again.closed;
  t.is((await as('meter')).connack.returnCode, 4);
  const local = await connect({ clientId: 'meter' });
  t.is(local.connack.returnCode, 0);
  await put(meter, boss);
  await clients.refresh();
  await local.closed;
});

test('C19: passwords are judged one at a time, wrong ones slowed down, right ones remembered', async (t) => {
  const clock = new ManualClock();
  const meter = await record('meter', {});
  const authorizer = new CredentialAuthorizer({
    clients: {
      get: (name) => (name === 'meter' ? meter : undefined),
      holderOf: () => undefined,
      hasClients: true,
    },
    clientOf: () => undefined,
    ...{ isRequired: false, clock, random: RANDOM },
  });
  const attempt = (password: string) =>
    authorizer.connect({
      client: { id: 'meter', address: '10.0.0.9', username: 'meter' },
      password: Buffer.from(password),
      ...{ willTopic: undefined, isIdMadeUp: false },
    });
  t.is(await attempt(PASSWORDS.meter), 'accepted');
  const verdicts = [];
  for (let index = 0; index < CLIENT_LIMITS.attemptsBurst + 5; index++)
    verdicts.push(await attempt(`guess ${index}`));
  const judged = verdicts.filter((verdict) => verdict === 'bad-credentials').length;
  t.is(judged, CLIENT_LIMITS.attemptsBurst + 1);
  t.is(verdicts.at(-1), 'unavailable');
  t.is(await attempt(PASSWORDS.meter), 'accepted');
  clock.advance(1_000 / CLIENT_LIMITS.attemptsPerSecond);
  t.is(await attempt('guess'), 'bad-credentials');
});

test('C19: a flood of passwords waits in a bounded queue', async (t) => {
  const check = new PasswordCheck(RANDOM);
  const { password } = await record('meter', {});
  const cheap = { ...password, n: 2 };
  const many = Array.from({ length: 200 }, () => check.check('meter', cheap, Buffer.from('x')));
  const verdicts = await Promise.all(many);
  t.is(verdicts.filter((verdict) => verdict === 'busy').length, 200 - CLIENT_LIMITS.passwordChecks);
});

test('the file is private, and one that is wrong keeps the gateway from starting, not from running', async (t) => {
  const { dataDir, clients, as } = await secured(t);
  const file = join(dataDir, CLIENT_FILE);
  t.is((await stat(file)).mode & 0o777, 0o600);
  await writeFile(file, '{"clients":[{"name":"x"}]}');
  await chmod(file, 0o600);
  await clients.refresh();
  t.is((await as('meter')).connack.returnCode, 0);
  const fresh = new ClientRegistry(dataDir, { clock: systemClock, log: silentLog });
  await t.throwsAsync(fresh.start(), { code: 'EDGE_CONFIG' });
});

test('D30: whatever stands in the file is a list of clients or EDGE_CONFIG', async (t) => {
  const sound = { ...(await record('meter', { devices: ['plant/*', '*'], topics: ['a/+'] })) };
  t.is(parseClientFile(Buffer.from(JSON.stringify({ clients: [sound] })))[0]?.name, 'meter');
  const { password } = sound;
  const wrong: unknown[] = [
    null,
    [],
    { clients: {} },
    { clients: [null] },
    { clients: [sound, sound] },
    { clients: Array.from({ length: 300 }, () => sound) },
    ...[
      ...['Meter', '../x', '', 'a/b', '__proto__'].map((name) => ({ name })),
      ...['**', 'a', 'a/b/c', '/*', '*/b', 7].map((device) => ({ devices: [device] })),
      ...['$hw/#', 'a/#/b', ''].map((topic) => ({ topics: [topic] })),
      ...[3, 2 ** 20, 0, -1, 1.5, '8192'].map((n) => ({ password: { ...password, n } })),
      { password: { ...password, r: 64 } },
      { password: { ...password, salt: '' } },
      { password: null },
      { password: undefined },
      { certificate: 'ab'.repeat(32) },
      { password: undefined, certificate: 'AB'.repeat(32) },
      { password: undefined, subject: 'a\nCN=b' },
      { password: undefined, subject: 7 },
      { write: 'yes' },
    ].map((change) => ({ clients: [{ ...sound, ...change }] })),
  ];
  for (const value of wrong)
    t.throws(() => parseClientFile(Buffer.from(JSON.stringify(value))), { name: 'EdgeError' });
});
