import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { bench } from './bus-fixture.js';
import type { BusBench } from './bus-fixture.js';
import { RawClient } from './raw-client.js';

type Persistent = Awaited<ReturnType<typeof RawClient.connect>>;

function persistent({ port }: BusBench, clientId = 'keeper'): Promise<Persistent> {
  return RawClient.connect(port, systemClock, { clientId, clean: false });
}

async function absentSubscriber(bus: BusBench, filter: string, clientId?: string): Promise<void> {
  const client = await persistent(bus, clientId);
  await client.subscribe(filter, 1);
  await client.disconnect();
}

test('50,000 messages for an absent client stay within the bound, and the newest are kept', async (t) => {
  const bus = await bench(t);
  await absentSubscriber(bus, 'q/#');
  const publisher = await bus.client();
  for (let n = 0; n < 50_000; n++) {
    publisher.send({
      cmd: 'publish',
      topic: 'q/a',
      payload: `${n}`,
      qos: 1,
      dup: false,
      retain: false,
      messageId: (n % 60_000) + 1,
    });
    if (n % 1000 === 999) {
      await publisher.settled();
      publisher.inbox.length = 0;
    }
  }
  await publisher.settled();
  t.like(bus.bus.stats(), { queuedMessages: 1000, queueDropped: 49_000 });
  const back = await persistent(bus);
  t.true(back.connack.sessionPresent);
  for (let n = 49_000; n < 50_000; n++) t.is((await back.message()).text, `${n}`);
  await back.settled();
  t.like(bus.bus.stats(), { queuedMessages: 0, queuedBytes: 0 });
});

test('bytes are bounded for one absent client and for all; the fullest queue gives way', async (t) => {
  const bus = await bench(t, { limits: { offlineBytes: 40_000, offlineBytesTotal: 60_000 } });
  await absentSubscriber(bus, 'big', 'a');
  await absentSubscriber(bus, 'big', 'b');
  await absentSubscriber(bus, 'small', 'c');
  const publisher = await bus.client();
  await publisher.publish('small', 'kept', { qos: 1 });
  for (let n = 0; n < 30; n++) await publisher.publish('big', Buffer.alloc(5_000), { qos: 1 });
  const { queuedBytes } = bus.bus.stats();
  t.true((queuedBytes ?? Infinity) <= 60_000 && (queuedBytes ?? 0) > 40_000, String(queuedBytes));
  const small = await persistent(bus, 'c');
  t.is((await small.message()).text, 'kept');
});

test('a long queue is replayed at the pace of the client, not faster than it reads', async (t) => {
  const bus = await bench(t, { limits: { offlineBytes: 64e6, offlineBytesTotal: 64e6 } });
  await absentSubscriber(bus, 'big');
  const publisher = await bus.client();
  const payload = Buffer.alloc(100_000, 'x');
  for (let n = 0; n < 300; n++) await publisher.publish('big', payload, { qos: 1 });
  const back = await persistent(bus);
  back.socket.pause();
  for (let turn = 0; turn < 200; turn++) await publisher.settled();
  back.socket.resume();
  for (let n = 0; n < 300; n++) t.is((await back.message()).text.length, 100_000);
  t.is(bus.bus.stats()['cut:slow-consumer'], 0);
});

test('an absent session is forgotten after its time, a present one is not', async (t) => {
  const clock = new ManualClock();
  const bus = await bench(t, { clock, limits: { sessionExpiryMs: 3_600_000 } });
  await absentSubscriber(bus, 'a', 'gone');
  const present = await persistent(bus, 'present');
  await present.subscribe('a', 1);
  while (bus.bus.stats()['clients'] !== 1) await present.settled();
  clock.advance(3_500_000);
  t.is(bus.bus.stats()['sessions'], 2);
  clock.advance(200_000);
  t.like(bus.bus.stats(), { sessions: 1, sessionsExpired: 1 });
  t.false((await persistent(bus, 'gone')).connack.sessionPresent);
});

test('too many sessions: the longest absent one is forgotten', async (t) => {
  const clock = new ManualClock();
  const bus = await bench(t, { clock, limits: { sessions: 2 } });
  for (const clientId of ['first', 'second', 'third']) {
    await absentSubscriber(bus, 'a', clientId);
    const other = await bus.client();
    while (bus.bus.stats()['clients'] !== 1) await other.settled();
    await other.disconnect();
    clock.advance(1_000);
  }
  t.like(bus.bus.stats(), { sessions: 2, sessionsEvicted: 1 });
  t.false((await persistent(bus, 'first')).connack.sessionPresent);
  t.true((await persistent(bus, 'third')).connack.sessionPresent);
});

test('a clean session ends the kept one with its messages', async (t) => {
  const bus = await bench(t);
  await absentSubscriber(bus, 'a');
  const publisher = await bus.client();
  await publisher.publish('a', 'x', { qos: 1 });
  t.is(bus.bus.stats()['queuedMessages'], 1);
  const clean = await RawClient.connect(bus.port, systemClock, { clientId: 'keeper' });
  t.like(bus.bus.stats(), { queuedMessages: 0, sessions: 0 });
  await clean.disconnect();
  t.false((await persistent(bus)).connack.sessionPresent);
});

test('what was sent and not acknowledged comes again as a duplicate, at the granted QoS', async (t) => {
  const bus = await bench(t);
  const client = await persistent(bus);
  client.acknowledges = false;
  await client.subscribe('a/+', 1);
  const publisher = await bus.client();
  await publisher.publish('a/b', 'x', { qos: 2 });
  const first = await client.message();
  t.like(first.packet, { qos: 1, dup: false });
  await client.vanish();
  const back = await persistent(bus);
  const again = await back.message();
  t.like(again, { topic: 'a/b', text: 'x', packet: { qos: 1, dup: true } });
});

test('an absent client with a wildcard gets no $ topics queued', async (t) => {
  const bus = await bench(t);
  await absentSubscriber(bus, '#');
  bus.bus.publish('$hw/events/device/a/b/updated', 'x');
  bus.bus.publish('plain', 'y');
  const back = await persistent(bus);
  t.is((await back.message()).topic, 'plain');
  await back.settled();
  t.deepEqual(back.inbox, []);
});

test('overlapping filters deliver once, at the highest QoS', async (t) => {
  const bus = await bench(t);
  const client = await bus.client();
  await client.subscribe('a/#', 0);
  await client.subscribe('a/+', 2);
  await client.subscribe('+/b', 1);
  const publisher = await bus.client();
  await publisher.publish('a/b', 'x', { qos: 2 });
  t.is((await client.message()).packet.qos, 2);
  await publisher.publish('a/b/c', 'y', { qos: 2 });
  t.like(await client.message(), { text: 'y', packet: { qos: 0 } });
  await client.settled();
  t.false(client.inbox.some((packet) => packet.cmd === 'publish'));
});

test('retained messages are bounded: a topic too many is delivered but not kept', async (t) => {
  const bus = await bench(t, { limits: { retainedMessages: 100, retainedBytes: 5_000 } });
  const publisher = await bus.client();
  for (let n = 0; n < 150; n++) await publisher.publish(`r/${n}`, 'x', { qos: 1, retain: true });
  t.like(bus.bus.stats(), { retainedMessages: 100, retainedRefused: 50 });
  await publisher.publish('r/1', Buffer.alloc(6_000), { qos: 1, retain: true });
  const app = await bus.client();
  await app.subscribe('r/1');
  await app.settled();
  t.deepEqual(app.inbox, [], 'a value that cannot be kept does not leave an older one');
  await publisher.publish('r/2', '', { qos: 1, retain: true });
  t.is(bus.bus.stats()['retainedMessages'], 98);
});

test('retained messages come at most at the granted QoS, marked as retained', async (t) => {
  const bus = await bench(t);
  const publisher = await bus.client();
  await publisher.publish('r/a', 'x', { qos: 2, retain: true });
  const app = await bus.client();
  await app.subscribe('r/+', 1);
  t.like((await app.message()).packet, { qos: 1, retain: true });
});

test('subscriptions of one client are bounded, and counted again when they end', async (t) => {
  const bus = await bench(t, { limits: { subscriptionsPerClient: 3 } });
  const client = await persistent(bus);
  t.deepEqual(await client.subscribe(['a', 'b', 'c', 'd'], 1), [1, 1, 1, 128]);
  await client.unsubscribe('a');
  t.deepEqual(await client.subscribe('d', 1), [1]);
  await client.disconnect();
  const publisher = await bus.client();
  for (const topic of ['a', 'b', 'c', 'd']) await publisher.publish(topic, topic, { qos: 1 });
  const back = await persistent(bus);
  for (const topic of ['b', 'c', 'd']) t.is((await back.message()).topic, topic);
  t.is(bus.bus.stats()['subscriptionsRefused'], 1);
});

for (const filter of ['a#', 'a/#/b', '+a', '', 'a/'.repeat(20)]) {
  test(`a filter that is not valid ends the connection: '${filter.slice(0, 10)}'`, async (t) => {
    const bus = await bench(t);
    const client = await bus.client();
    await t.throwsAsync(client.subscribe(filter));
    await client.closed;
  });
}

test('a client that takes an id over gets its session, and the earlier one is closed', async (t) => {
  const bus = await bench(t);
  const earlier = await persistent(bus);
  await earlier.subscribe('a', 1);
  const later = await persistent(bus);
  await earlier.closed;
  t.true(later.connack.sessionPresent);
  const publisher = await bus.client();
  await publisher.publish('a', 'x', { qos: 1 });
  t.is((await later.message()).text, 'x');
  await later.settled();
  t.is(bus.bus.stats()['clients'], 2);
});
