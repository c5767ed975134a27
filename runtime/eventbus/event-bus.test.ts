import test from 'ava';
import mqttClient from 'mqtt';
import type { MqttClient } from 'mqtt';
import { EdgeError } from '#protocol/errors.js';
import { bench, json, METER, SHORT, update } from './bus-fixture.js';

test('an actual value is reported, and answered on the id depth of the sender', async (t) => {
  const { twins, client } = await bench(t);
  const sensor = await client();
  await sensor.subscribe(
    ['$hw/events/device/+/+/twin/update/result', '$hw/events/device/+/twin/update/result'],
    1,
  );
  for (const topic of [METER, SHORT]) {
    await sensor.publish(
      `${topic}/twin/update`,
      update({
        temperature: { actual: { value: '21.5', metadata: { timestamp: 1700000000000 } } },
      }),
      { qos: 1 },
    );
    const { topic: answered, body } = await json(sensor);
    t.is(answered, `${topic}/twin/update/result`);
    t.is(body['event_id'], 'e1');
    t.is(typeof body['timestamp'], 'number');
    t.like(body['twin'], {
      temperature: { actual: { value: '21.5' }, metadata: { type: 'float' } },
    });
  }
  t.like(twins.reports[0], {
    device: 'default/meter',
    readings: [{ property: 'temperature', value: 21.5, quality: 'good', timestamp: 1700000000000 }],
  });
});

test('numbers, booleans, JSON, quality and the label of a mapper are understood', async (t) => {
  const { twins, client } = await bench(t);
  const sensor = await client();
  const metadata = { quality: 'uncertain', reason: 'EDGE_NOT_READ', appliedVersion: '3.9' };
  await sensor.publish(
    `${METER}/twin/update`,
    update({
      temperature: { actual: { value: 5, metadata } },
      settings: { actual: { value: { a: [1] } } },
    }),
    { qos: 1 },
  );
  await sensor.publish(
    '$hw/events/device/plant/pump/twin/update',
    update({ on: { actual: { value: true } } }),
    { qos: 1 },
  );
  await sensor.publish(
    `${METER}/twin/update`,
    update({
      temperature: { actual: { metadata: { quality: 'bad', reason: 'EDGE_DEVICE_TIMEOUT' } } },
    }),
    { qos: 1 },
  );
  const [first, second, third] = twins.reports;
  t.like(first?.readings[0], {
    value: 5,
    quality: 'uncertain',
    reason: 'EDGE_NOT_READ',
    appliedVersion: { gen: 3, n: 9 },
  });
  t.deepEqual(first?.readings[1]?.value, { a: [1] });
  t.is(second?.readings[0]?.value, true);
  t.like(third?.readings[0], { value: null, quality: 'bad', reason: 'EDGE_DEVICE_TIMEOUT' });
});

for (const [what, topic, payload, code, error] of [
  ['broken JSON', METER, '{"event_id":"e1","twin":', 400, 'EDGE_MALFORMED'],
  ['no object', METER, '"event_id":"e1"', 400, 'EDGE_MALFORMED'],
  [
    'an unknown device',
    '$hw/events/device/default/none',
    update({ a: { actual: { value: '1' } } }),
    404,
    'EDGE_NO_DEVICE',
  ],
  [
    'an unknown property',
    METER,
    update({ none: { actual: { value: '1' } } }),
    404,
    'EDGE_NO_PROPERTY',
  ],
  [
    'a prototype',
    METER,
    '{"event_id":"e1","twin":{"__proto__":{"actual":{"value":"1"}}}}',
    404,
    'EDGE_NO_PROPERTY',
  ],
  ['a wrong type', METER, update({ temperature: { actual: { value: 'warm' } } }), 400, 'EDGE_TYPE'],
  [
    'a value out of range',
    METER,
    update({ temperature: { expected: { value: '126' } } }),
    400,
    'EDGE_RANGE',
  ],
  [
    'a write of a read-only property',
    METER,
    update({ count: { expected: { value: '1' } } }),
    400,
    'EDGE_READ_ONLY',
  ],
  [
    'a value that is too long',
    METER,
    update({ mode: { actual: { value: 'x'.repeat(9000) } } }),
    413,
    'EDGE_LIMIT',
  ],
  ['deep nesting', METER, `{"event_id":"e1","twin":${'['.repeat(1e4)}`, 413, 'EDGE_LIMIT'],
  ['null for a property', METER, update({ mode: null }), 400, 'EDGE_UNSUPPORTED'],
  ['a property without values', METER, update({ mode: {} }), 400, 'EDGE_MALFORMED'],
  [
    'a bad label',
    METER,
    update({ mode: { actual: { value: 'a', metadata: { appliedVersion: 'x' } } } }),
    400,
    'EDGE_MALFORMED',
  ],
] as const) {
  test(`is answered with ${code} and its event id, and nothing is applied: ${what}`, async (t) => {
    const { twins, client, bus } = await bench(t);
    const sensor = await client();
    await sensor.subscribe(`${topic}/twin/update/result`);
    await sensor.publish(`${topic}/twin/update`, payload, { qos: 1 });
    const { body } = await json(sensor);
    t.like(body, { event_id: 'e1', code, error });
    t.deepEqual(twins.reports, []);
    t.deepEqual(twins.writes, []);
    t.is(bus.stats()['requestErrors'], 1);
    t.is(({} as Record<string, unknown>)['actual'], undefined);
  });
}

test('one bad property of several leaves all of them as they were', async (t) => {
  const { twins, client } = await bench(t);
  const sensor = await client();
  await sensor.publish(
    `${METER}/twin/update`,
    update({ mode: { actual: { value: 'auto' } }, temperature: { actual: { value: 'x' } } }),
    { qos: 1 },
  );
  t.deepEqual(twins.reports, []);
});

test('the PUBACK of a twin update comes when it is durable, not before', async (t) => {
  const { twins, client } = await bench(t);
  const sensor = await client();
  let settle: (() => void) | undefined;
  twins.settle = () => new Promise((resolve) => (settle = resolve));
  const published = sensor.publish(
    `${METER}/twin/update`,
    update({ mode: { actual: { value: 'a' } } }),
    { qos: 1 },
  );
  const other = await client();
  await other.publish('anything', 'else', { qos: 1 });
  while (twins.reports.length === 0) await other.settled();
  await other.settled();
  t.deepEqual(sensor.inbox, []);
  settle?.();
  await published;
  t.pass();
});

test('a twin update that cannot be stored is not acknowledged: the connection ends', async (t) => {
  const { twins, client, bus } = await bench(t);
  const [sensor, watcher] = [await client(), await client()];
  await watcher.subscribe(`${METER}/twin/update/result`);
  twins.settle = () => Promise.reject(new EdgeError('EDGE_STORAGE', 'disk full'));
  await t.throwsAsync(
    sensor.publish(`${METER}/twin/update`, update({ mode: { actual: { value: 'a' } } }), {
      qos: 1,
    }),
  );
  t.like((await json(watcher)).body, { event_id: 'e1', code: 500, error: 'EDGE_STORAGE' });
  t.like(bus.stats(), { storageErrors: 1, publishesClosed: 1 });
  t.false(sensor.inbox.some((packet) => packet.cmd === 'puback'));
});

test('a desired value from the hub becomes a delta with its version, and its report a document', async (t) => {
  const { twins, client } = await bench(t);
  const mapper = await client();
  await mapper.subscribe('$hw/events/device/+/+/twin/update/+', 1);
  twins.desire('default/meter', 'temperature', 30);
  const document = await json(mapper);
  t.is(document.topic, `${METER}/twin/update/document`);
  t.like(document.body['twin'], {
    temperature: { last: null, current: { expected: { value: '30' } } },
  });
  const delta = await json(mapper);
  t.is(delta.topic, `${METER}/twin/update/delta`);
  t.like(delta.body, {
    delta: { temperature: '30' },
    twin: { temperature: { expected: { value: '30' } } },
  });
  const { version } = (
    delta.body['twin'] as { temperature: { expected: { metadata: { version: string } } } }
  ).temperature.expected.metadata;
  await mapper.publish(
    `${METER}/twin/update`,
    update({ temperature: { actual: { value: '30', metadata: { appliedVersion: version } } } }),
    { qos: 1 },
  );
  const seen = [(await json(mapper)).topic, (await json(mapper)).topic].sort();
  t.deepEqual(seen, [`${METER}/twin/update/document`, `${METER}/twin/update/result`]);
  await mapper.settled();
  t.deepEqual(mapper.inbox, [], 'no delta once the value was taken');
  t.is(
    twins.device('default/meter')?.properties[0]?.reported?.desiredVersion.n,
    Number(version.split('.')[1]),
  );
});

test('a desired value that equals the reported one is a delta still, for its version is new', async (t) => {
  const { twins, client } = await bench(t);
  const mapper = await client();
  await mapper.publish(`${METER}/twin/update`, update({ mode: { actual: { value: 'auto' } } }), {
    qos: 1,
  });
  await mapper.subscribe(`${METER}/twin/update/delta`);
  twins.desire('default/meter', 'mode', 'auto');
  t.like((await json(mapper)).body, { delta: { mode: 'auto' } });
});

test('a client under the one-level id gets the events there, and a monitor of all gets each once', async (t) => {
  const { twins, client } = await bench(t);
  const [old, monitor] = [await client(), await client()];
  await old.subscribe(`${SHORT}/twin/update/delta`);
  await monitor.subscribe('$hw/events/device/#');
  twins.desire('default/meter', 'mode', 'auto');
  t.is((await json(old)).topic, `${SHORT}/twin/update/delta`);
  const topics = [];
  for (let count = 0; count < 3; count++) topics.push((await json(monitor)).topic);
  t.deepEqual(topics.sort(), [
    `${METER}/twin/update/delta`,
    `${METER}/twin/update/document`,
    `${SHORT}/twin/update/delta`,
  ]);
});

test('an expected value from a client is a local write in its name', async (t) => {
  const { twins, client } = await bench(t);
  const panel = await client();
  await panel.subscribe('$hw/events/device/plant/pump/twin/update/+');
  await panel.publish(
    '$hw/events/device/plant/pump/twin/update',
    update({ on: { expected: { value: 'true' } } }),
    { qos: 1 },
  );
  t.like(twins.writes[0], { device: 'plant/pump', property: 'on', value: true });
  t.true(twins.writes[0]?.actor.startsWith('mqtt:'));
  const kinds = new Map<string, Record<string, unknown>>();
  for (let count = 0; count < 3; count++) {
    const { topic, body } = await json(panel);
    kinds.set(topic.split('/').at(-1) ?? '', body);
  }
  t.like(kinds.get('delta'), { event_id: 'e1', delta: { on: 'true' } });
  t.like(kinds.get('result'), { event_id: 'e1' });
  t.like(kinds.get('document'), { event_id: 'e1' });
});

test('twin/get, membership/get and state/update are answered', async (t) => {
  const { client } = await bench(t);
  const app = await client();
  await app.subscribe([
    '$hw/events/device/+/twin/get/result',
    '$hw/events/node/+/membership/get/result',
    '$hw/events/device/+/+/state/update/result',
  ]);
  await app.publish(`${SHORT}/twin/get`, '{"event_id":"g"}');
  t.like(await json(app), { topic: `${SHORT}/twin/get/result`, body: { event_id: 'g' } });
  await app.publish(`${METER}/state/update`, '{"event_id":"s","state":"online"}');
  const state = await json(app);
  t.like(state.body, { event_id: 's', device: { name: 'meter', state: 'online' } });
  await app.publish(`${METER}/state/update`, '{"event_id":"s2","state":"broken"}');
  t.like((await json(app)).body, { event_id: 's2', code: 400 });
  await app.publish('$hw/events/node/edge-1/membership/get', '{"event_id":"m"}');
  const { body } = await json(app);
  t.like(body, { event_id: 'm' });
  t.like((body['devices'] as object[])[0], { id: 'default/meter', name: 'meter', state: 'online' });
  await app.publish('$hw/events/node/other/membership/get', '{"event_id":"m2"}');
  t.like((await json(app)).body, { event_id: 'm2', code: 404, error: 'EDGE_NO_NODE' });
});

test('devices that come and go are announced', async (t) => {
  const { twins, client } = await bench(t);
  const app = await client();
  await app.subscribe('$hw/events/node/edge-1/membership/updated');
  twins.addDevice('default/new', []);
  t.like((await json(app)).body, { added_devices: [{ id: 'default/new' }], removed_devices: [] });
  twins.removeDevice('default/new');
  t.like((await json(app)).body, { added_devices: [], removed_devices: [{ id: 'default/new' }] });
});

test('a repeated QoS 2 twin update is applied once', async (t) => {
  const { twins, client } = await bench(t);
  const sensor = await client();
  const packet = {
    cmd: 'publish',
    topic: `${METER}/twin/update`,
    payload: update({ mode: { actual: { value: 'a' } } }),
    qos: 2,
    dup: false,
    retain: false,
    messageId: 7,
  } as const;
  sensor.send(packet);
  await sensor.next('pubrec');
  sensor.send({ ...packet, dup: true });
  await sensor.next('pubrec');
  sensor.send({ cmd: 'pubrel', messageId: 7 });
  await sensor.next('pubcomp');
  t.is(twins.reports.length, 1);
});

test('the runtime publishes in process, retained or not', async (t) => {
  const { bus, client } = await bench(t);
  bus.publish('gateway/info', 'hello', { retain: true });
  const app = await client();
  await app.subscribe('gateway/+');
  t.like(await app.message(), { topic: 'gateway/info', text: 'hello' });
});

test('the mqtt package and the broker understand each other', async (t) => {
  const { port, twins } = await bench(t);
  const client: MqttClient = await mqttClient.connectAsync(`mqtt://127.0.0.1:${port}`);
  t.teardown(() => client.endAsync());
  await client.subscribeAsync(`${SHORT}/twin/update/result`, { qos: 1 });
  const answered = new Promise<string>((resolve) => {
    client.on('message', (topic) => resolve(topic));
  });
  await client.publishAsync(`${SHORT}/twin/update`, update({ mode: { actual: { value: 'on' } } }), {
    qos: 2,
  });
  t.is(await answered, `${SHORT}/twin/update/result`);
  t.is(twins.reports.length, 1);
});

test('a burst of 10,000 QoS 1 updates ends at the last value, in order', async (t) => {
  const { twins, port } = await bench(t);
  const client = await mqttClient.connectAsync(`mqtt://127.0.0.1:${port}`);
  t.teardown(() => client.endAsync());
  const sent = [];
  for (let value = 1; value <= 10_000; value++)
    sent.push(
      client.publishAsync(`${METER}/twin/update`, update({ count: { actual: { value } } }), {
        qos: 1,
      }),
    );
  await Promise.all(sent);
  t.deepEqual(
    twins.reports.map(({ readings }) => readings[0]?.value),
    Array.from({ length: 10_000 }, (_, index) => index + 1),
  );
  t.is(twins.device('default/meter')?.properties[2]?.reported?.value, 10_000);
});
