import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { bench, json, METER, update } from './bus-fixture.js';
import { RawClient } from './raw-client.js';

for (const topic of [
  `${METER}/twin/cloud_updated`,
  `${METER}/twin/update/result`,
  `${METER}/twin/update/delta`,
  `${METER}/twin/update/document`,
  `${METER}/twin/get/result`,
  `${METER}/state/update/result`,
  `${METER}/updated`,
  '$hw/events/node/edge-1/membership/updated',
  '$SYS/broker/uptime',
  '$edgetwin/nowhere',
]) {
  test(`twin/cloud_updated, D26: a client cannot forge ${topic}`, async (t) => {
    const { twins, client, bus } = await bench(t);
    const [forger, victim] = [await client(), await client()];
    await victim.subscribe(
      ['$hw/#', '$SYS/broker/#', topic === '$edgetwin/nowhere' ? 'x' : topic],
      1,
    );
    for (const qos of [0, 1, 2] as const)
      await forger.publish(topic, update({ mode: { expected: { value: 'hacked' } } }), {
        qos,
        retain: true,
      });
    await forger.settled();
    await victim.settled();
    t.deepEqual(victim.inbox, []);
    t.deepEqual(twins.writes, []);
    t.like(bus.stats(), { publishesDropped: 3, retainedMessages: 0 });
  });
}

test('D26: a last will on a topic of the runtime is refused at CONNECT', async (t) => {
  const { port } = await bench(t);
  const will = {
    topic: `${METER}/twin/cloud_updated`,
    payload: Buffer.from('{}'),
    qos: 1 as const,
    retain: false,
  };
  const { connack } = await RawClient.connect(port, systemClock, { clientId: 'a', will });
  t.is(connack.returnCode, 5);
});

test('a last will may be a twin update: what a mapper says when it dies', async (t) => {
  const { twins, port, client } = await bench(t);
  const payload = Buffer.from(
    update({ mode: { actual: { value: null, metadata: { quality: 'bad' } } } }),
  );
  const dying = await RawClient.connect(port, systemClock, {
    clientId: 'a',
    will: { topic: `${METER}/twin/update`, payload, qos: 1, retain: false },
  });
  const watcher = await client();
  await watcher.subscribe(`${METER}/twin/update/result`);
  await dying.vanish();
  t.like((await json(watcher)).body, { event_id: 'e1' });
  t.like(twins.reports[0]?.readings[0], { quality: 'bad', value: null });
});
