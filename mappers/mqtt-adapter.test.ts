import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Aedes, type AedesPublishPacket } from 'aedes';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { isErrorCode } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import type { MapperModule, Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { formatVersion, parseVersion, type Version } from '#protocol/twin.js';
import {
  complianceDevice,
  FAST,
  mapperCompliance,
  ScriptedDevice,
  scriptedDriver,
  SLOW,
  START_LABEL,
  until,
  type ComplianceRig,
} from './compliance.js';
import { MqttAdapter } from './mqtt-adapter.js';
import { PollingMapper } from './polling.js';

const TOPIC = '$hw/events/device/default/scripted';

interface Update {
  readonly event_id: string;
  readonly twin: Record<string, { actual: { value: string; metadata: Record<string, unknown> } }>;
}

/** A broker with the least of an EventBus: it records, answers, and says what is expected. */
class Gateway {
  readonly readings: Reading[] = [];
  readonly expected = new Map<string, { value: string; version: Version }>();
  /** Code with which updates are refused; none are while it is undefined. */
  refusal: string | undefined;
  /** Updates are swallowed: no result ever comes. */
  mute = false;
  updates = 0;
  readonly results: Record<string, unknown>[] = [];
  #broker: Aedes | undefined;
  #close: () => Promise<void> = async () => undefined;
  port = 0;

  async open(port = 0): Promise<void> {
    const broker = await Aedes.createBroker();
    const server = createServer(broker.handle);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#broker = broker;
    this.port = (server.address() as AddressInfo).port;
    broker.on('publish', (packet, client) => {
      if (client !== null) this.#heard(packet);
    });
    this.#close = async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      await closed;
    };
  }

  close(): Promise<void> {
    return this.#close();
  }

  desire(property: string, value: string, version: Version): void {
    this.expected.set(property, { value, version });
    const twin = this.#twin();
    this.say('twin/update/delta', {
      event_id: '',
      timestamp: 0,
      twin,
      delta: { [property]: value },
    });
  }

  say(action: string, body: object | string): void {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    this.#broker?.publish(
      { cmd: 'publish', qos: 1, dup: false, retain: false, topic: `${TOPIC}/${action}`, payload },
      () => undefined,
    );
  }

  #heard({ topic, payload }: AedesPublishPacket): void {
    if (!topic.startsWith(`${TOPIC}/`)) return;
    const body = JSON.parse(payload.toString()) as Update;
    if (topic.endsWith('/command/result')) this.results.push({ ...body });
    const { event_id } = body;
    if (topic.endsWith('/twin/get'))
      this.say('twin/get/result', { event_id, timestamp: 0, twin: this.#twin() });
    if (!topic.endsWith('/twin/update')) return;
    this.updates += 1;
    if (this.mute) return;
    if (this.refusal !== undefined) {
      const error = { code: 400, reason: 'refused', error: this.refusal };
      this.say('twin/update/result', { event_id, timestamp: 0, ...error });
      return;
    }
    for (const [property, { actual }] of Object.entries(body.twin))
      this.readings.push(reading(property, actual));
    this.say('twin/update/result', { event_id, timestamp: 0, twin: body.twin });
  }

  #twin(): object {
    const twin = ([FAST, SLOW] as const).map((name) => {
      const wish = this.expected.get(name);
      const actual = {
        value: '10',
        metadata: { appliedVersion: formatVersion(START_LABEL), quality: 'good', timestamp: 1 },
      };
      const metadata = wish && { version: formatVersion(wish.version) };
      return [
        name,
        wish === undefined ? { actual } : { actual, expected: { value: wish.value, metadata } },
      ];
    });
    return Object.fromEntries(twin) as object;
  }
}

function reading(
  property: string,
  { value, metadata }: { value: string; metadata: Record<string, unknown> },
): Reading {
  const { quality, reason, timestamp, appliedVersion } = metadata;
  if (quality !== 'good' && quality !== 'uncertain' && quality !== 'bad')
    throw new Error('quality');
  if (typeof timestamp !== 'number') throw new Error('timestamp');
  const label = parseVersion(String(appliedVersion));
  if (label === undefined) throw new Error('appliedVersion');
  return {
    property,
    value: quality === 'bad' ? null : Number(value),
    quality,
    ...(typeof reason === 'string' && isErrorCode(reason) ? { reason } : {}),
    timestamp,
    appliedVersion: label,
  };
}

const described = {
  ...complianceDevice({ protocolName: 'external', configData: {} }, {}),
  methods: [{ name: 'both', properties: [SLOW, FAST] }],
};

function adapterFor(device: ScriptedDevice, port: number): MqttAdapter {
  const module: MapperModule = {
    protocolName: 'external',
    validate: () => [],
    create: (host) =>
      new PollingMapper({
        protocolName: 'external',
        host,
        openDriver: async () => scriptedDriver(device, host.clock),
        close: async () => device.release(),
      }),
  };
  return new MqttAdapter({
    url: `mqtt://127.0.0.1:${port}`,
    module,
    devices: [described],
    clock: systemClock,
    random: seededRandom(5),
    log: silentLog,
  });
}

mapperCompliance(test, 'over MQTT', async (device): Promise<ComplianceRig> => {
  const gateway = new Gateway();
  await gateway.open();
  const adapter = adapterFor(device, gateway.port);
  await adapter.start();
  return {
    readings: gateway.readings,
    desire: (property, value, version) => gateway.desire(property, String(value), version),
    stop: () => adapter.stop(),
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    close: async () => {
      await adapter.stop();
      await gateway.close();
    },
  };
});

async function running(
  t: ExecutionContext,
): Promise<{ device: ScriptedDevice; gateway: Gateway; adapter: MqttAdapter }> {
  const device = new ScriptedDevice();
  const gateway = new Gateway();
  await gateway.open();
  const adapter = adapterFor(device, gateway.port);
  await adapter.start();
  t.teardown(async () => {
    await adapter.stop();
    await gateway.close();
  });
  return { device, gateway, adapter };
}

test('what was desired before the mapper started is written when it starts', async (t) => {
  const device = new ScriptedDevice();
  const gateway = new Gateway();
  gateway.expected.set(SLOW, { value: '33', version: { gen: 1, n: 9 } });
  gateway.expected.set(FAST, { value: '44', version: START_LABEL });
  await gateway.open();
  const adapter = adapterFor(device, gateway.port);
  await adapter.start();
  t.teardown(async () => {
    await adapter.stop();
    await gateway.close();
  });
  await until('the label is read back', () =>
    gateway.readings.some(({ appliedVersion }) => appliedVersion.n === 9),
  );
  t.deepEqual(
    device.writes,
    [{ property: SLOW, value: 33 }],
    'what was applied is not written again',
  );
});

test('the gateway’s delta, sent again and again, writes once', async (t) => {
  const { device, gateway } = await running(t);
  gateway.desire(FAST, '5', { gen: 1, n: 9 });
  await until('it is written', () => gateway.readings.some(({ value }) => value === 5));
  for (let again = 0; again < 5; again += 1) gateway.desire(FAST, '5', { gen: 1, n: 9 });
  gateway.desire(FAST, '6', { gen: 1, n: 8 });
  gateway.desire(SLOW, '7', { gen: 1, n: 10 });
  await until('what came after is written', () => device.writes.length >= 2);
  t.deepEqual(device.writes, [
    { property: FAST, value: 5 },
    { property: SLOW, value: 7 },
  ]);
});

test('a wish without a version, a local write, is written under the label that stands', async (t) => {
  const { device, gateway } = await running(t);
  const twin = { [FAST]: { expected: { value: '8', metadata: {} } } };
  gateway.say('twin/update/delta', { event_id: '', timestamp: 0, twin, delta: { [FAST]: '8' } });
  await until('it is read back', () => gateway.readings.some(({ value }) => value === 8));
  t.deepEqual(device.writes, [{ property: FAST, value: 8 }]);
  t.true(gateway.readings.every(({ appliedVersion }) => appliedVersion.n === START_LABEL.n));
});

test('hostile payloads hurt nobody', async (t) => {
  const { device, gateway } = await running(t);
  for (const body of [
    '',
    '{',
    'null',
    '[]',
    '{"twin":{"__proto__":{"expected":{"value":"1"}}}}',
    '{"twin":{"fast":{"expected":{"value":{},"metadata":{"version":"1.9"}}}}}',
    '{"twin":{"fast":{"expected":{"value":"warm","metadata":{"version":"1.9"}}}}}',
    '{"twin":{"fast":{"expected":{"value":"5000","metadata":{"version":"1.9"}}}}}',
    '{"twin":{"fast":{"expected":{"value":"5","metadata":{"version":"x"}}}},"error":[]}',
    `{"twin":${'['.repeat(5000)}${']'.repeat(5000)}}`,
    `"${'x'.repeat(300_000)}"`,
  ])
    for (const action of ['twin/update/delta', 'twin/get/result', 'twin/update/result'])
      gateway.say(action, body);
  gateway.desire(FAST, '6', { gen: 1, n: 11 });
  await until('it still works', () => gateway.readings.some(({ value }) => value === 6));
  t.false(device.writes.some(({ value }) => value === 5000));
});

test('a broker that goes away and comes back is found again, without old readings', async (t) => {
  const { device, gateway } = await running(t);
  await until('it reports', () => gateway.readings.length > 2);
  await gateway.close();
  device.values[FAST] = 99;
  const before = gateway.readings.length;
  await gateway.open(gateway.port);
  await until('it reports again', () => gateway.readings.length > before);
  t.true(
    gateway.readings
      .slice(before)
      .every(({ property, value }) => property !== FAST || value === 99),
  );
  gateway.desire(SLOW, '12', { gen: 1, n: 30 });
  await until('it takes wishes again', () => device.values[SLOW] === 12);
});

test('a refused report is not repeated, the next reading is sent', async (t) => {
  const { gateway } = await running(t);
  gateway.refusal = 'EDGE_STORAGE';
  const from = gateway.updates;
  await until('some are refused', () => gateway.updates > from + 2);
  const refused = gateway.readings.length;
  gateway.refusal = undefined;
  await until('they are taken again', () => gateway.readings.length > refused);
  t.pass();
});

test('stop does not wait for a gateway that says nothing', async (t) => {
  const { gateway, adapter } = await running(t);
  await until('it reports', () => gateway.readings.length > 0);
  gateway.mute = true;
  const from = gateway.updates;
  await until('a report is under way', () => gateway.updates > from);
  await adapter.stop();
  t.pass();
});

const command = (event_id: string, args: object, ttl = 60_000) => ({
  ...{ event_id, timestamp: 0, method: 'both', args, ttl },
});

test('a command writes once, in the order of its method; the same id is not done again', async (t) => {
  const { device, gateway } = await running(t);
  gateway.say('command', command('c1', { [FAST]: 5, [SLOW]: 6 }));
  gateway.say('command', command('c1', { [FAST]: 5, [SLOW]: 6 }));
  await until('it is answered', () => gateway.results.length > 0);
  t.like(gateway.results, [{ event_id: 'c1', state: 'done' }]);
  t.deepEqual(device.writes, [
    { property: SLOW, value: 6 },
    { property: FAST, value: 5 },
  ]);
  await until('it is read back', () => gateway.readings.some(({ value }) => value === 6));
  t.true(gateway.readings.every(({ appliedVersion }) => appliedVersion.n === START_LABEL.n));
  t.is(gateway.results.length, 1);
});

test('a command that is late, wrong or refused by the device says so', async (t) => {
  const { device, gateway } = await running(t);
  gateway.say('command', command('late', { [FAST]: 5 }, -1));
  gateway.say('command', command('wrong', { [FAST]: 'warm' }));
  gateway.say('command', { ...command('none', {}), method: 'neither' });
  await until('they are answered', () => gateway.results.length === 3);
  const codes = new Map(gateway.results.map(({ event_id, code }) => [event_id, code]));
  t.deepEqual(
    [codes.get('late'), codes.get('wrong'), codes.get('none')],
    ['EDGE_EXPIRED', 'EDGE_TYPE', 'EDGE_NO_METHOD'],
  );
  t.deepEqual(device.writes, []);
  device.silent = true;
  gateway.say('command', command('silent', { [FAST]: 7 }));
  await until('it is answered', () => gateway.results.length === 4);
  t.like(gateway.results[3], { event_id: 'silent', state: 'unknown' });
});

test('hostile commands hurt nobody', async (t) => {
  const { device, gateway } = await running(t);
  for (const body of [
    '',
    '{',
    '[]',
    '{"event_id":1}',
    '{"event_id":"a","method":"both","ttl":"1"}',
  ])
    gateway.say('command', body);
  gateway.say('command', `{"event_id":"a","method":"both","ttl":1,"args":${'['.repeat(5000)}`);
  gateway.say('command', command('p', JSON.parse('{"__proto__":{"fast":1}}') as object));
  gateway.say('command', command('ok', { [FAST]: 8 }));
  await until('it still works', () => gateway.results.some(({ event_id }) => event_id === 'ok'));
  t.deepEqual(device.writes, [{ property: FAST, value: 8 }]);
});
