import test from 'ava';
import mqtt from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { systemClock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { bench, METER, update } from './bus-fixture.js';
import type { BusBench } from './bus-fixture.js';
import { connectBytes, publishPacket, RawClient } from './raw-client.js';

const MB = 1024 * 1024;
const HUGE_LENGTH = [0xff, 0xff, 0xff, 0x7f];

/** The broker still serves others. */
async function works({ client }: BusBench): Promise<boolean> {
  const [one, other] = [await client(), await client()];
  await one.subscribe('still/+', 1);
  await other.publish('still/alive', 'yes', { qos: 1 });
  return (await one.message()).text === 'yes';
}

/** Writes until the peer has closed, at most `bytes`. */
async function pour(client: RawClient, bytes: number): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (let sent = 0; sent < bytes && !client.socket.destroyed; sent += chunk.length)
    if (!client.socket.write(chunk))
      await Promise.race([
        client.closed,
        new Promise((resolve) => client.socket.once('drain', resolve)),
      ]);
}

test('D29: a PUBLISH that announces 256 MB is cut at its header and not kept', async (t) => {
  const bus = await bench(t);
  const before = process.memoryUsage.rss();
  const client = await bus.client();
  client.write(Uint8Array.from([0x30, ...HUGE_LENGTH]));
  await pour(client, 64 * MB);
  await client.closed;
  const grown = process.memoryUsage.rss() - before;
  t.log(`256 MB announced: grew ${Math.round(grown / MB)} MB`);
  t.true(grown < 48 * MB);
  t.is(bus.bus.stats()['cut:packet-too-large'], 1);
  t.true(await works(bus));
});

test('D29, C19: twenty peers that pour huge CONNECTs are cut before they cost memory', async (t) => {
  const bus = await bench(t);
  const before = process.memoryUsage.rss();
  const peers = await Promise.all(
    Array.from({ length: 20 }, () => RawClient.open(bus.port, systemClock)),
  );
  await Promise.all(
    peers.map(async (peer) => {
      peer.write(Uint8Array.from([0x10, ...HUGE_LENGTH]));
      await pour(peer, 20 * MB);
      await peer.closed;
    }),
  );
  const grown = process.memoryUsage.rss() - before;
  t.log(`20 x 20 MB poured: grew ${Math.round(grown / MB)} MB`);
  t.true(grown < 48 * MB);
  t.is(bus.bus.stats()['cut:packet-too-large'], 20);
  t.true(await works(bus));
});

test('C23: a peer that says nothing, or half a CONNECT, is cut in time', async (t) => {
  const clock = new ManualClock();
  const bus = await bench(t, { clock });
  const silent = await RawClient.open(bus.port, systemClock);
  const halting = await RawClient.open(bus.port, systemClock);
  halting.write(connectBytes().subarray(0, 5));
  const { connected } = { connected: await bus.client() };
  while (bus.bus.stats()['connections'] !== 3) await connected.settled();
  clock.advance(10_000);
  await Promise.all([silent.closed, halting.closed]);
  t.is(bus.bus.stats()['cut:connect-timeout'], 2);
  await connected.settled();
  t.is(bus.bus.stats()['connections'], 1);
});

test('C23: connections above the limit are refused; a place becomes free again', async (t) => {
  const bus = await bench(t, { limits: { connections: 3 } });
  const clients = [await bus.client(), await bus.client(), await bus.client()];
  const refused = await RawClient.open(bus.port, systemClock).catch(() => undefined);
  await refused?.closed;
  t.is(bus.bus.stats()['connectionsRefused'], 1);
  await clients[0]?.disconnect();
  await clients[1]?.disconnect();
  while (bus.bus.stats()['connections'] !== 1) await clients[2]?.settled();
  t.true(await works(bus));
});

test('what comes in one write with its CONNECT is handled after the CONNACK, and before the end', async (t) => {
  const bus = await bench(t);
  const watcher = await bus.client();
  await watcher.subscribe('p/#');
  const packets = Array.from({ length: 200 }, (_, index) =>
    mqtt.generate(publishPacket(`p/${index}`, 'x')),
  );
  const eager = await RawClient.open(bus.port, systemClock);
  eager.socket.end(
    Buffer.concat([connectBytes(), ...packets, mqtt.generate({ cmd: 'disconnect' })]),
  );
  for (let index = 0; index < 200; index++) t.is((await watcher.message()).topic, `p/${index}`);
  await eager.closed;
});

test('a large burst right before the end of a connection is handled to its last message', async (t) => {
  const bus = await bench(t);
  const watcher = await bus.client();
  await watcher.subscribe('p/#');
  const sender = await bus.client();
  const payload = Buffer.alloc(100, 'x');
  const packets = Array.from({ length: 5_000 }, (_, n) =>
    mqtt.generate(publishPacket(`p/${n}`, payload)),
  );
  sender.socket.end(Buffer.concat(packets));
  for (let n = 0; n < 5_000; n++) {
    const { topic } = await watcher.message();
    if (topic !== `p/${n}`) t.is(topic, `p/${n}`);
  }
  await sender.closed;
  t.is(bus.bus.stats()['publishesIn'], 5_000);
});

test('C19: a subscriber that stops reading is cut and nobody else waits for it', async (t) => {
  const bus = await bench(t);
  const [slow, good, publisher] = [await bus.client(), await bus.client(), await bus.client()];
  await slow.subscribe('flood');
  await good.subscribe('flood');
  slow.socket.pause();
  const payload = Buffer.alloc(10_000, 'x');
  for (let count = 0; count < 3_000; count++) {
    await publisher.publish('flood', payload);
    if (count % 50 === 0) await publisher.settled();
  }
  for (let count = 0; count < 3_000; count++) await good.message();
  t.is(bus.bus.stats()['cut:slow-consumer'], 1);
  slow.socket.resume();
  await slow.closed;
  t.true(await works(bus));
});

test('C19: a client that publishes too fast is slowed down, and loses nothing', async (t) => {
  const bus = await bench(t, { limits: { publishesPerSecond: 2_000, publishBurst: 10 } });
  const [watcher, fast] = [await bus.client(), await bus.client()];
  await watcher.subscribe('n/#');
  fast.write(
    Buffer.concat(
      Array.from({ length: 400 }, (_, n) => mqtt.generate(publishPacket(`n/${n}`, ''))),
    ),
  );
  fast.send(publishPacket('n/last', ''));
  for (let n = 0; n < 400; n++) t.is((await watcher.message()).topic, `n/${n}`);
  t.is((await watcher.message()).topic, 'n/last');
  t.true((bus.bus.stats()['throttled'] ?? 0) >= 1);
});

test('C19: a client with many updates waiting for the store is not read further', async (t) => {
  const bus = await bench(t, { limits: { pendingPublishes: 8 } });
  const settles: (() => void)[] = [];
  bus.twins.settle = () => new Promise((resolve) => settles.push(resolve));
  const [sensor, other] = [await bus.client(), await bus.client()];
  const payload = update({ mode: { actual: { value: 'a' } } });
  const send = (count: number, from: number): void => {
    for (let n = 1; n <= count; n++)
      sensor.send(publishPacket(`${METER}/twin/update`, payload, 1, false, from + n));
  };
  send(8, 0);
  while (settles.length < 8) await other.settled();
  send(8, 8);
  for (let turn = 0; turn < 20; turn++) await other.settled();
  t.is(bus.twins.reports.length, 8);
  bus.twins.settle = () => Promise.resolve();
  for (const settle of settles) settle();
  for (let n = 1; n <= 16; n++) await sensor.next('puback', ({ messageId }) => messageId === n);
  t.is(bus.twins.reports.length, 16);
});

const VALID: readonly Packet[] = [
  publishPacket('a/b', 'hello'),
  publishPacket(`${METER}/twin/update`, update({ mode: { actual: { value: 'x' } } }), 1, false, 3),
  publishPacket('a/c', 'twice', 2, true, 4),
  { cmd: 'subscribe', messageId: 5, subscriptions: [{ topic: '#', qos: 2 }] },
  { cmd: 'unsubscribe', messageId: 6, unsubscriptions: ['#'] },
  { cmd: 'pubrel', messageId: 4 },
  { cmd: 'puback', messageId: 9 },
  { cmd: 'pingreq' },
];

test('D29: mutated packets end connections at worst, never the broker', async (t) => {
  const bus = await bench(t);
  const seed = 20_261;
  t.log(`400 connections, seed ${seed}`);
  const random = seededRandom(seed);
  const pick = (below: number): number => Math.floor(random.unit() * below);
  for (let round = 0; round < 400; round++) {
    const clean = random.unit() < 0.5;
    const packets = Array.from({ length: 1 + pick(6) }, () => VALID[pick(VALID.length)]!);
    const bytes = Buffer.concat([
      connectBytes({ clientId: `fuzz${pick(20)}`, clean }),
      ...packets.map((packet) => mqtt.generate(packet)),
    ]);
    const spared = random.unit() < 0.8 ? connectBytes().length : 0;
    for (let change = pick(6); change >= 0; change--)
      bytes[spared + pick(bytes.length - spared)] = pick(256);
    const peer = await RawClient.open(bus.port, systemClock);
    peer.acknowledges = false;
    peer.socket.end(random.unit() < 0.2 ? Buffer.from(random.bytes(200)) : bytes);
    await peer.closed;
  }
  t.true(await works(bus));
});

test('D30: names that could deceive are refused: bad UTF-8, NUL, control characters, length', async (t) => {
  const bus = await bench(t);
  for (const topic of ['a\0b', 'a\uFFFDb', 'x'.repeat(513), 'a/'.repeat(16)]) {
    const client = await bus.client();
    client.send(publishPacket(topic, 'x'));
    await client.closed;
  }
  for (const clientId of ['a\nlevel=error', 'x'.repeat(129), 'a\0']) {
    const { connack } = await RawClient.connect(bus.port, systemClock, { clientId });
    t.is(connack.returnCode, 2);
  }
  t.true(await works(bus));
});
