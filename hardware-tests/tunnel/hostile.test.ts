import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { DOOR_LIMITS } from '#tunnel/coded/endpoint/limits.js';
import { handshakeDatagram } from '#tunnel/coded/session/handshake-packets.js';
import { decodePacket } from '#tunnel/coded/wire/packet-header.js';
import { mutated } from './mutated.js';
import { HUB, SimulatedTunnel, type SimulatedEnd } from './simulated-session.js';

const bench = new Workbench();
const LINK = { delayMs: 20, jitterMs: 2, loss: 0.02 };

function chatter(s: SimulatedTunnel, from: SimulatedEnd, count: number): void {
  for (let index = 0; index < count; index++)
    s.clock.setTimer('chatter', 10 * index, () => {
      const message = new Uint8Array(index % 7 === 0 ? 3_000 : 100);
      new DataView(message.buffer).setUint32(0, index);
      from.connection.send(message, (['control', 'twin', 'bulk'] as const)[index % 3] ?? 'twin');
    });
}

const numbersOf = ({ messages }: SimulatedEnd): number[] =>
  messages
    .map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0))
    .sort((a, b) => a - b);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test('replayed, forged, flipped and truncated datagrams are accepted by neither end', async (t) => {
  const s = new SimulatedTunnel({ seed: 1, up: LINK, down: LINK, bench });
  const { node, hub } = await s.connect();
  const random = seededRandom(5);
  const seen: Uint8Array[] = [];
  const genuine = { [HUB]: 0, node: 0 };
  let wrong = 0;
  s.network.tamper = (datagram, _from, to) => {
    genuine[to === HUB ? HUB : 'node']++;
    seen.push(datagram.slice());
    const old = seen[Math.floor(random.unit() * seen.length)] ?? datagram;
    const bad = [mutated(datagram, random), mutated(datagram, random), mutated(old, random), old];
    wrong += bad.length;
    // The changed ones overtake the true one: their numbers are news.
    return [...bad.slice(0, 2), datagram, ...bad.slice(2)];
  };
  chatter(s, node, 300);
  chatter(s, hub, 300);
  await s.run(s.clock.now() + 30_000, () => hub.messages.length + node.messages.length >= 600);
  await s.run(s.clock.now() + 1_000);
  t.deepEqual(numbersOf(hub), upTo(300));
  t.deepEqual(numbersOf(node), upTo(300));
  t.deepEqual([node.reasons, hub.reasons], [[], []]);
  const [atHub, atNode] = [hub.connection.status(), node.connection.status()];
  t.log(
    `${wrong} bad ones: ${atHub.forged + atNode.forged} forged, ${atHub.replayed + atNode.replayed} replayed`,
  );
  // What was opened is what was sent, and no more.
  t.true(atHub.receivedPackets <= genuine[HUB] + 40);
  t.true(atNode.receivedPackets <= genuine.node + 40);
  t.true(atHub.forged > 300 && atHub.replayed > 300);
  t.true(atNode.forged > 300 && atNode.replayed > 300);
  const { dropped } = node.connection.stats();
  t.like(dropped, { forged: atNode.forged, replayed: atNode.replayed, inconsistent: 0 });
  const { traffic } = s.acceptor.stats();
  t.like(traffic, { forgedPackets: atHub.forged, droppedRows: { full: 0, outside: 0 } });
});

test('spoofed sources cost the hub no memory, and get a third of their bytes at most', async (t) => {
  const s = new SimulatedTunnel({ seed: 2, up: LINK, down: LINK, bench });
  const random = seededRandom(6);
  const timers = s.clock.pending().length;
  const answers = new Map<string, number>();
  s.network.tamper = (datagram, from, to) => {
    if (from === HUB) answers.set(to, (answers.get(to) ?? 0) + datagram.length);
    return [];
  };
  let most = 0;
  for (let flood = 0; flood < 20_000; flood++) {
    const source = `192.0.2.${flood % 250}:${1_024 + flood}`;
    const token = flood % 3 === 0 ? random.bytes(20) : new Uint8Array(0);
    const [id, destination] = [random.bytes(8), random.bytes(8)];
    const frame = { kind: 'handshake', offset: 0, data: random.bytes(300) } as const;
    const fields = { kind: 'initial', source: id, destination, token } as const;
    const datagram = handshakeDatagram(fields, 0, [frame]);
    const short = flood % 10 === 0 ? datagram.subarray(0, 600) : datagram;
    s.network.inject(short, source, HUB);
    most = Math.max(most, (answers.get(source) ?? 0) / short.length);
  }
  const { handshakes, connections, retried, unreadable } = s.acceptor.stats();
  t.deepEqual([handshakes, connections], [0, 0]);
  t.is(retried + unreadable, 20_000);
  t.is(s.clock.pending().length, timers, 'not even a timer');
  t.log(`${most.toFixed(3)} bytes out per byte in`);
  t.true(most > 0 && most <= 1 / 3);
});

test('a token serves the address, the client and the seconds that it was made for', async (t) => {
  const s = new SimulatedTunnel({ seed: 3, up: { delayMs: 5 }, down: { delayMs: 5 }, bench });
  let token = new Uint8Array(0);
  let initial = new Uint8Array(0);
  s.network.tamper = (datagram, from) => {
    const packet = decodePacket(datagram);
    if (from !== HUB && packet.ok && packet.value.header.kind === 'initial')
      if (packet.value.header.token.length > 0) {
        token = packet.value.header.token.slice();
        initial = datagram.slice();
      }
    return [datagram];
  };
  const { dial } = await s.connect();
  t.true(token.length > 0);
  const before = s.acceptor.stats();
  const { address } = dial.port;
  s.network.inject(initial, '198.51.100.9:5000', HUB);
  t.is(s.acceptor.stats().retried, before.retried + 1, 'another address');
  await s.run(s.clock.now() + 11_000);
  s.network.inject(initial, address, HUB);
  t.is(s.acceptor.stats().retried, before.retried + 2, 'too late');
  t.is(s.acceptor.stats().handshakes, 0);
});

test('handshakes of one host and of all are bounded, the oldest yields', async (t) => {
  const limits = { handshakes: 20, handshakesPerHost: 5 };
  const s = new SimulatedTunnel({ seed: 4, up: LINK, down: LINK, bench, limits });
  // They prove their address and say nothing more.
  s.network.tamper = (datagram) =>
    datagram.length < 1_000 || datagram.length === 1_200 ? [datagram] : [];
  const dials = Array.from({ length: 100 }, (_, index) =>
    s.dial(`node-${index}`, `10.${index % 3}.0.1:${1_000 + index}`),
  );
  let most = 0;
  await s.run(3_000, () => {
    most = Math.max(most, s.acceptor.stats().handshakes);
    return false;
  });
  t.true(most > 5 && most <= 15, `${most}`);
  t.true(s.acceptor.stats().droppedHandshakes >= 80);
  t.true(dials.every(({ error }) => error === undefined));
  await s.run(20_000);
  t.is(s.acceptor.stats().handshakes, 0);
});

test('a packet that somebody repeats from elsewhere does not take the session away', async (t) => {
  const s = new SimulatedTunnel({ seed: 5, up: { delayMs: 20 }, down: { delayMs: 20 }, bench });
  const { node, hub } = await s.connect();
  const victim = '203.0.113.7:53';
  let injected = 0;
  let toVictim = 0;
  s.network.tamper = (datagram, from, to) => {
    if (to === victim) {
      toVictim += datagram.length;
      return [];
    }
    // Faster than the real one, from another address: the worst that an observer can do.
    if (from !== HUB && s.clock.now() > 1_000 && s.clock.now() < 3_000) {
      injected += datagram.length;
      s.network.inject(datagram, victim, HUB);
    }
    return [datagram];
  };
  chatter(s, node, 500);
  chatter(s, hub, 500);
  await s.run(s.clock.now() + 30_000, () => hub.messages.length + node.messages.length >= 1_000);
  t.deepEqual(numbersOf(hub), upTo(500));
  t.deepEqual(numbersOf(node), upTo(500));
  t.log(`${toVictim} bytes for ${injected}`);
  t.true(injected > 0 && toVictim <= 3 * injected);
  t.deepEqual([node.reasons, hub.reasons], [[], []]);
});

test('one repeated packet brings its victim three times its bytes at most', async (t) => {
  const s = new SimulatedTunnel({ seed: 7, up: { delayMs: 20 }, down: { delayMs: 20 }, bench });
  const { hub } = await s.connect();
  const victim = '203.0.113.7:53';
  let injected = 0;
  let toVictim = 0;
  s.network.tamper = (datagram, from, to) => {
    if (to === victim) {
      toVictim += datagram.length;
      return [];
    }
    if (from === HUB || s.clock.now() < 1_500) return [datagram];
    // The true sender is held back, so that the hub believes in the new address for long.
    if (injected === 0) {
      injected = datagram.length;
      s.network.inject(datagram, victim, HUB);
    }
    return [];
  };
  const pour = (): void => {
    while (hub.connection.send(new Uint8Array(4_096), 'bulk'));
  };
  hub.connection.onDrained(pour);
  pour();
  await s.run(s.clock.now() + 6_000);
  t.log(`${toVictim} bytes for ${injected}`);
  t.true(injected > 0 && toVictim > 0 && toVictim <= 3 * injected);
});

test('a hundred thousand mutated packets make neither end throw or keep anything', async (t) => {
  const s = new SimulatedTunnel({ seed: 6, up: LINK, down: LINK, bench });
  const seen: { datagram: Uint8Array; to: string; from: string }[] = [];
  s.network.tamper = (datagram, from, to) => {
    seen.push({ datagram: datagram.slice(), from, to });
    return [datagram];
  };
  const { node, hub } = await s.connect();
  chatter(s, node, 50);
  chatter(s, hub, 50);
  await s.run(s.clock.now() + 2_000);
  s.network.tamper = () => [];
  const random = seededRandom(9);
  const rows = bench.pool.taken;
  for (let trial = 0; trial < 100_000; trial++) {
    const one = seen[Math.floor(random.unit() * seen.length)];
    if (one !== undefined) s.network.inject(mutated(one.datagram, random), one.from, one.to);
  }
  t.deepEqual([node.reasons, hub.reasons], [[], []]);
  t.is(bench.pool.taken, rows, 'no forged row reached a decoder');
  t.true(s.acceptor.stats().handshakes <= DOOR_LIMITS.handshakesPerHost);
  t.is(hub.messages.length + node.messages.length, 100);
});
