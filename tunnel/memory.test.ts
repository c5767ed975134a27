import test from 'ava';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { compliance } from './compliance.js';
import { MemoryNetwork } from './memory.js';
import type { Connection, Identity } from './transport.js';

compliance('memory', async (identity, clientAuthorities) => {
  const clock = new ManualClock();
  const network = new MemoryNetwork({
    clock,
    random: seededRandom(1),
    jitterMs: 50,
    identities: 'certificates',
  });
  return {
    transport: network.transport(),
    listener: network.listen({ address: 'localhost:1', identity, clientAuthorities }),
    url: 'wss://localhost:1',
    messageBytes: 256 * 1024,
    until: (condition) => advanceUntil(clock, condition),
    cut: () => network.cut(),
    stop: async () => undefined,
  };
});

async function advanceUntil(clock: ManualClock, condition: () => boolean): Promise<void> {
  for (let step = 0; step < 100_000; step++) {
    await Promise.resolve();
    if (condition()) return;
    clock.advance(1);
  }
  throw new Error('the condition never held');
}

const named = (name: string): Identity => ({ key: '', certificate: name, authorities: [] });

async function connected(seed: number): Promise<{
  clock: ManualClock;
  network: MemoryNetwork;
  gateway: Connection;
  hub: Connection;
}> {
  const clock = new ManualClock();
  const network = new MemoryNetwork({ clock, random: seededRandom(seed), jitterMs: 100 });
  const accepted: Connection[] = [];
  network
    .listen({ identity: named('hub') })
    .onConnection((connection) => accepted.push(connection));
  const dial = network.transport().connect({ url: 'wss://hub:443', identity: named('gw') });
  clock.advance(40);
  return { clock, network, gateway: await dial, hub: accepted[0]! };
}

async function orderOf(seed: number): Promise<number[]> {
  const { clock, gateway, hub } = await connected(seed);
  const order: number[] = [];
  hub.onMessage((message) => order.push(message[0] ?? -1));
  for (let index = 0; index < 20; index++) gateway.send(Uint8Array.of(index), 'twin');
  clock.advance(1_000);
  return order;
}

test('jitter reorders, and the same seed reorders the same way', async (t) => {
  const order = await orderOf(7);
  t.is(order.length, 20);
  t.notDeepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  t.deepEqual(await orderOf(7), order);
  t.notDeepEqual(await orderOf(8), order);
});

test('names are believed when certificates are not asked for', async (t) => {
  const { gateway, hub } = await connected(1);
  t.is(gateway.peer.name, 'hub');
  t.is(hub.peer.name, 'gw');
});

test('while the link is cut a dial times out, and after mending it works', async (t) => {
  const { clock, network } = await connected(1);
  network.cut();
  const dial = network.transport().connect({ url: 'wss://hub:443', identity: named('gw') });
  clock.advance(60_000);
  await t.throwsAsync(dial, { code: 'EDGE_TIMEOUT' });
  network.mend();
  const again = network.transport().connect({ url: 'wss://hub:443', identity: named('gw') });
  clock.advance(60_000);
  t.is((await again).peer.name, 'hub');
});
