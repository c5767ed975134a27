/**
 * What any MQTT 3.1.1 client may expect of the broker, clause by clause, over real sockets with
 * packets made by mqtt-packet. Covers the ground of Eclipse Paho's interoperability tests.
 */
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { LoopbackAuthorizer } from '#runtime/eventbus/authorizer.js';
import { bench } from '#runtime/eventbus/bus-fixture.js';
import type { BusBench } from '#runtime/eventbus/bus-fixture.js';
import { connectBytes, publishPacket, RawClient } from '#runtime/eventbus/raw-client.js';

type Options = Parameters<typeof connectBytes>[0];

function join({ port }: BusBench, clientId: string, options: Options = {}) {
  return RawClient.connect(port, systemClock, { clientId, ...options });
}

test('basic: connect, subscribe, publish at each QoS, disconnect', async (t) => {
  const bus = await bench(t);
  const client = await join(bus, 'basic');
  t.like(client.connack, { returnCode: 0, sessionPresent: false });
  t.deepEqual(await client.subscribe('weather/roof', 2), [2]);
  for (const qos of [0, 1, 2] as const) {
    await client.publish('weather/roof', `at ${qos}`, { qos });
    t.like(await client.message(), { topic: 'weather/roof', text: `at ${qos}`, packet: { qos } });
  }
  await client.disconnect();
});

test('basic: a second CONNECT ends the connection [MQTT-3.1.0-2]', async (t) => {
  const client = await join(await bench(t), 'twice');
  client.write(connectBytes());
  await client.closed;
  t.pass();
});

test('basic: a protocol name or level that is none is not served [MQTT-3.1.2-1], [MQTT-3.1.2-2]', async (t) => {
  const bus = await bench(t);
  const named = connectBytes();
  named.write('HTTP', 4);
  const stranger = await RawClient.open(bus.port, systemClock);
  stranger.write(named);
  await stranger.closed;
  t.deepEqual(stranger.inbox, []);
  const { connack } = await join(bus, 'five', { protocolVersion: 5 });
  t.is(connack.returnCode, 1);
});

test('retained: kept for later subscribers, cleared by an empty payload [MQTT-3.3.1-10]', async (t) => {
  const bus = await bench(t);
  const sender = await join(bus, 'sender');
  for (const qos of [0, 1, 2] as const)
    await sender.publish(`store/shelf ${qos}`, 'full', { qos, retain: true });
  await sender.settled();
  const late = await join(bus, 'late');
  await late.subscribe('store/+', 2);
  const got = [await late.message(), await late.message(), await late.message()];
  t.deepEqual(
    got.map(({ topic, packet }) => [topic, packet.qos, packet.retain]).sort(),
    [0, 1, 2].map((qos) => [`store/shelf ${qos}`, qos, true]),
  );
  await late.publish('store/shelf 1', 'live', { qos: 1, retain: true });
  t.false((await late.message()).packet.retain, 'not marked to who was there [MQTT-3.3.1-9]');
  for (const qos of [0, 1, 2] as const)
    await sender.publish(`store/shelf ${qos}`, '', { qos, retain: true });
  await sender.settled();
  const later = await join(bus, 'later');
  await later.subscribe('#', 2);
  await later.settled();
  t.deepEqual(later.inbox, []);
});

test('zero-length client id: only with a clean session [MQTT-3.1.3-8]', async (t) => {
  const bus = await bench(t);
  const bytes = connectBytes();
  bytes[9] = 0; // connect flags: mqtt-packet does not make such a packet itself
  const kept = await RawClient.open(bus.port, systemClock);
  kept.write(bytes);
  t.is((await kept.next('connack')).returnCode, 2);
  await kept.closed;
  const [one, other] = [await join(bus, ''), await join(bus, '')];
  t.is(one.connack.returnCode, 0);
  await Promise.all([one.settled(), other.settled()]);
});

test('offline: a kept session receives what came while its client was away', async (t) => {
  const bus = await bench(t);
  const away = await join(bus, 'away', { clean: false });
  t.false(away.connack.sessionPresent);
  await away.subscribe('#', 2);
  await away.disconnect();
  const sender = await join(bus, 'sender');
  await sender.publish('mail/a', 'one', { qos: 1 });
  await sender.publish('mail/b', 'two', { qos: 2 });
  const back = await join(bus, 'away', { clean: false });
  t.true(back.connack.sessionPresent);
  t.like(await back.message(), { text: 'one', packet: { qos: 1, dup: false } });
  t.like(await back.message(), { text: 'two', packet: { qos: 2, dup: false } });
});

test('will: published when a client is lost, not when it says goodbye [MQTT-3.1.2-8], [MQTT-3.14.4-3]', async (t) => {
  const bus = await bench(t);
  const will = { topic: 'last/words', payload: Buffer.from('lost'), qos: 1, retain: true } as const;
  const watcher = await join(bus, 'watcher');
  await watcher.subscribe('last/words', 2);
  const polite = await join(bus, 'polite', { will });
  await polite.disconnect();
  const lost = await join(bus, 'lost', { will });
  await lost.vanish();
  t.like(await watcher.message(), { text: 'lost', packet: { qos: 1, retain: false } });
  const late = await join(bus, 'late');
  await late.subscribe('last/+', 1);
  t.like(await late.message(), { text: 'lost', packet: { retain: true } });
  await watcher.settled();
  t.deepEqual(watcher.inbox, []);
});

test('overlapping subscriptions: delivered at the highest QoS among them [MQTT-3.3.5-1]', async (t) => {
  const bus = await bench(t);
  for (const filters of [
    ['house/#', 'house/+'],
    ['house/+', 'house/#'],
  ]) {
    const client = await join(bus, 'overlap');
    await client.subscribe(filters[0] ?? '', 2);
    await client.subscribe(filters[1] ?? '', 1);
    await client.publish('house/door', 'open', { qos: 2 });
    t.is((await client.message()).packet.qos, 2);
    await client.disconnect();
  }
});

test('keep alive: a silent client is lost after one and a half times [MQTT-3.1.2-24]', async (t) => {
  const bus = await bench(t);
  const will = { topic: 'gone', payload: Buffer.from('yes'), qos: 0, retain: false } as const;
  const watcher = await join(bus, 'watcher');
  await watcher.subscribe('gone');
  const silent = await join(bus, 'silent', { keepalive: 1, will });
  await silent.closed;
  t.is((await watcher.message()).text, 'yes');
  await watcher.settled();
});

test('redelivery: unfinished exchanges go on after a reconnect [MQTT-4.4.0-1]', async (t) => {
  const bus = await bench(t);
  const client = await join(bus, 'paused', { clean: false });
  client.acknowledges = false;
  await client.subscribe('job/#', 2);
  const sender = await join(bus, 'sender');
  await sender.publish('job/a', 'one', { qos: 1 });
  await sender.publish('job/b', 'two', { qos: 2 });
  const first = [await client.message(), await client.message()];
  const second = first.find(({ packet }) => packet.qos === 2);
  client.send({ cmd: 'pubrec', messageId: second?.packet.messageId ?? 0 });
  await client.next('pubrel');
  await client.vanish();
  const back = await join(bus, 'paused', { clean: false });
  t.like(await back.message(), { text: 'one', packet: { dup: true } });
  t.is((await back.next('pubrel')).messageId, second?.packet.messageId);
  await back.settled();
  await back.disconnect();
  const again = await join(bus, 'paused', { clean: false });
  await again.settled();
  t.deepEqual(again.inbox, [], 'finished exchanges are not repeated');
});

test('$ topics: a leading wildcard does not match them [MQTT-4.7.2-1]', async (t) => {
  const bus = await bench(t);
  const client = await join(bus, 'dollar');
  await client.subscribe(['#', '+/shelf'], 2);
  bus.bus.publish('$store/shelf', 'hidden');
  await client.publish('$store/shelf', 'refused', { qos: 1 });
  await client.publish('store/shelf', 'seen', { qos: 1 });
  t.is((await client.message()).text, 'seen');
  await client.settled();
  t.deepEqual(client.inbox, []);
});

test('unsubscribe: acknowledged, and only that filter ends [MQTT-3.10.4-1]', async (t) => {
  const bus = await bench(t);
  const client = await join(bus, 'reader');
  await client.subscribe(['a', 'b', 'c'], 2);
  await client.unsubscribe('a');
  await client.unsubscribe('never/was');
  const sender = await join(bus, 'sender');
  for (const topic of ['a', 'b', 'c']) await sender.publish(topic, topic, { qos: 1 });
  t.deepEqual([(await client.message()).text, (await client.message()).text], ['b', 'c']);
});

test('subscribe failure: 0x80 for what is refused, the rest is granted [MQTT-3.8.4-5]', async (t) => {
  class Private extends LoopbackAuthorizer {
    override maySubscribe(_client?: unknown, filter = ''): boolean {
      return !filter.startsWith('private');
    }
  }
  const bus = await bench(t, { authorizer: new Private() });
  const client = await join(bus, 'curious', { clean: false });
  t.deepEqual(await client.subscribe(['private/diary', 'public/news'], 1), [128, 1]);
  await client.disconnect();
  const sender = await join(bus, 'sender');
  await sender.publish('private/diary', 'secret', { qos: 1 });
  await sender.publish('public/news', 'news', { qos: 1 });
  const back = await join(bus, 'curious', { clean: false });
  t.is((await back.message()).text, 'news');
  await back.settled();
  t.deepEqual(back.inbox, []);
});

test('packet ids: many unacknowledged messages at once all have their own [MQTT-2.3.1-4]', async (t) => {
  const bus = await bench(t);
  const client = await join(bus, 'ids');
  client.acknowledges = false;
  await client.subscribe('n', 1);
  const sender = await join(bus, 'sender');
  for (let n = 1; n <= 500; n++) sender.send(publishPacket('n', `${n}`, 1, false, n));
  const ids = new Set<number>();
  for (let n = 1; n <= 500; n++) ids.add((await client.message()).packet.messageId ?? 0);
  t.is(ids.size, 500);
  t.false(ids.has(0));
});
