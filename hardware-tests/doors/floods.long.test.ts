import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { LIMITS } from '#protocol/limits.js';
import { HubBench } from '#cloud/cloudhub/hub-bench.js';
import { announceRow } from '#cloud/cloudhub/machine-bench.js';
import { bench } from '#runtime/eventbus/bus-fixture.js';
import { RawClient } from '#runtime/eventbus/raw-client.js';

const MIB = 1024 * 1024;

/** What the process grew by since `before`, in MiB. */
function grown(before: number): number {
  return Math.round((process.memoryUsage.rss() - before) / MIB);
}

test('C19: 2,000 connections without CONNECT leave nothing behind', async (t) => {
  const { bus, port } = await bench(t);
  for (let round = 0; round < 100; round++) {
    const peers = await Promise.all(
      Array.from({ length: 20 }, () => RawClient.open(port, systemClock)),
    );
    for (const peer of peers) peer.socket.resetAndDestroy();
    await Promise.all(peers.map((peer) => peer.closed));
  }
  const last = await RawClient.connect(port, systemClock);
  while ((bus.stats()['connections'] ?? 0) > 1) await last.settled();
  t.is(bus.stats()['connections'], 1);
});

test('E39: 10^5 new devices of one gateway: a quota, each refused by name, others are served', async (t) => {
  const hub = await HubBench.start();
  const [flooder, other] = [
    await hub.ready('gw-a', {}, 'a/own'),
    await hub.ready('gw-b', {}, 'b/own'),
  ];
  const before = process.memoryUsage.rss();
  let [n, refused, id] = [1, 0, 1];
  while (n < 100_000) {
    const from = n + 1;
    const rows = Array.from({ length: 500 }, (_, index) =>
      announceRow(from + index, { device: `a/d${from + index}` }),
    );
    n += rows.length;
    id += 1;
    flooder.heard.length = 0;
    flooder.say({ kind: 'announce', epoch: flooder.epoch, id, rows });
    await hub.run(12);
    const rejects = flooder.all('ack').flatMap((ack) => ack.rejects.map(({ code }) => code));
    refused += rejects.filter((code) => code === 'EDGE_LIMIT').length;
  }
  const kept = hub.fleet.devices({ node: 'gw-a' }).length;
  t.true(kept <= LIMITS.devicesPerNode);
  t.is(kept + refused, n);
  t.is(hub.fleet.devices({ node: 'gw-b' }).length, 1);
  other.heard.length = 0;
  other.say({
    kind: 'announce',
    epoch: other.epoch,
    id: 2,
    rows: [announceRow(2, { device: 'b/d2' })],
  });
  await hub.run();
  t.is(hub.fleet.devices({ node: 'gw-b' }).length, 2);
  t.log(`${n} announced, ${kept} kept, ${refused} refused, grew ${grown(before)} MiB`);
  t.true(grown(before) < 160);
});
