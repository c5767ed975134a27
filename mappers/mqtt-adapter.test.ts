import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import type { MapperModule } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import {
  complianceDevice,
  FAST,
  ScriptedDevice,
  scriptedDriver,
  SLOW,
  START_LABEL,
  until,
} from './compliance.js';
import { mqttCompliance, StandInGateway as Gateway } from './compliance-mqtt.js';
import { MqttAdapter } from './mqtt-adapter.js';
import { PollingMapper } from './polling.js';

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

mqttCompliance(test, 'over MQTT', async (device, gateway) => {
  const adapter = adapterFor(device, gateway.port);
  await adapter.start();
  return () => adapter.stop();
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
