import test from 'ava';
import mqtt from 'mqtt-packet';
import { bench } from '#runtime/eventbus/bus-fixture.js';
import { DEFAULT_LIMITS } from '#runtime/eventbus/limits.js';
import { publishPacket } from '#runtime/eventbus/raw-client.js';

const MIB = 1024 * 1024;

/** What the process grew by since `before`, in MiB. */
function grown(before: number): number {
  return Math.round((process.memoryUsage.rss() - before) / MIB);
}

test('C24: 10,000 retained topics of one client: a quota, counted, and others are served', async (t) => {
  const { bus, client } = await bench(t);
  const before = process.memoryUsage.rss();
  const [flooder, other] = [await client(), await client()];
  const payload = Buffer.alloc(1_000, 'x');
  const packets = Array.from({ length: 10_000 }, (_, n) =>
    mqtt.generate(publishPacket(`flood/${n}`, payload, 0, true)),
  );
  flooder.write(Buffer.concat(packets));
  await flooder.settled();
  await other.settled();
  const stats = bus.stats();
  const { retainedMessages = 0, retainedBytes = 0, retainedRefused = 0 } = stats;
  t.true(retainedMessages <= DEFAULT_LIMITS.retainedMessages);
  t.true(retainedBytes <= DEFAULT_LIMITS.retainedBytes);
  t.is(retainedMessages + retainedRefused, 10_000);
  t.log(
    `retained ${retainedMessages} of 10,000, ${retainedBytes} bytes, grew ${grown(before)} MiB`,
  );
  t.true(grown(before) < 96);
});

test('C24: 10,000 subscriptions of one client: a quota, counted', async (t) => {
  const { bus, client } = await bench(t);
  const greedy = await client();
  let granted = 0;
  for (let from = 0; from < 10_000; from += 500) {
    const filters = Array.from({ length: 500 }, (_, n) => `flood/${from + n}/+`);
    granted += (await greedy.subscribe(filters)).filter((code) => code !== 128).length;
  }
  t.is(granted, DEFAULT_LIMITS.subscriptionsPerClient);
  t.is(bus.stats()['subscriptionsRefused'], 10_000 - granted);
});

test('C19: a flood of one client and a subscriber that stops reading: bytes kept stay bounded', async (t) => {
  const { bus, client } = await bench(t);
  const before = process.memoryUsage.rss();
  const [flooder, stuck, other] = [await client(), await client(), await client()];
  await stuck.subscribe('flood/#', 1);
  await other.subscribe('own', 1);
  stuck.socket.pause();
  const burst = Buffer.concat(
    Array.from({ length: 100 }, () => mqtt.generate(publishPacket('flood/a', Buffer.alloc(4_096)))),
  );
  let answered = 0;
  for (let round = 0; round < 60; round++) {
    flooder.write(burst);
    await flooder.settled();
    await other.publish('own', 'x', { qos: 1 });
    await other.message();
    answered++;
  }
  const { throttled = 0, connections = 0 } = bus.stats();
  t.is(answered, 60);
  t.is(bus.stats()['cut:slow-consumer'], 1);
  t.is(connections, 2);
  t.log(
    `24 MB flooded, other client answered ${answered} of 60, throttled ${throttled}, grew ${grown(before)} MiB`,
  );
  t.true(grown(before) < 96);
});
