import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { DOOR_LIMITS } from '#tunnel/coded/endpoint/limits.js';
import { HandshakeStream } from '#tunnel/coded/session/handshake-stream.js';
import { decodeFrames } from '#tunnel/coded/wire/frame-reader.js';
import { decodePacket } from '#tunnel/coded/wire/packet-header.js';
import { DatagramReader, frameDatagram } from '#tunnel/forward/datagram-frames.js';
import { OpeningReader, writeOpening } from '#tunnel/forward/opening.js';
import { mutated } from './mutated.js';
import { SimulatedTunnel } from './simulated-session.js';

const LINK = { delayMs: 20, jitterMs: 2, loss: 0.02 };

test('a million mutated packets into two live ends: no throw, no row, no session lost', async (t) => {
  t.timeout(20 * 60_000);
  const bench = new Workbench();
  const s = new SimulatedTunnel({ seed: 16, up: LINK, down: LINK, bench });
  const seen: { datagram: Uint8Array; to: string; from: string }[] = [];
  s.network.tamper = (datagram, from, to) => {
    seen.push({ datagram: Uint8Array.from(datagram), from, to });
    return [datagram];
  };
  const { node, hub } = await s.connect();
  for (let index = 0; index < 100; index++) {
    node.connection.send(new Uint8Array(400), 'control');
    hub.connection.send(new Uint8Array(400), 'twin');
  }
  await s.run(s.clock.now() + 3_000);
  s.network.tamper = () => [];
  const random = seededRandom(17);
  const rows = bench.pool.taken;
  const { receivedPackets } = hub.connection.status();
  for (let trial = 0; trial < 1_000_000; trial++) {
    const one = seen[Math.floor(random.unit() * seen.length)];
    if (one !== undefined) s.network.inject(mutated(one.datagram, random), one.from, one.to);
    if (trial % 10_000 === 0) await s.run(s.clock.now() + 10);
  }
  t.is(hub.connection.status().receivedPackets, receivedPackets);
  t.deepEqual([node.reasons, hub.reasons], [[], []]);
  t.is(bench.pool.taken, rows, 'no forged row reached a decoder');
  t.true(s.acceptor.stats().handshakes <= DOOR_LIMITS.handshakesPerHost);
});

test('a million mutated beginnings of forwardings, datagrams in them and handshake packets', (t) => {
  const random = seededRandom(18);
  const opening = writeOpening({ carriage: 'udp', host: 'sensor-7.site', port: 502 });
  const framed = Buffer.concat([10, 0, 300].map((bytes) => frameDatagram(random.bytes(bytes))));
  const flight = new HandshakeStream();
  flight.write(random.bytes(5_000), 0);
  const packets = Array.from({ length: 5 }, () => flight.take(0, 1_100)?.frames ?? []);
  let stream = new HandshakeStream();
  let openings = 0;
  for (let trial = 0; trial < 1_000_000; trial++) {
    const opened = new OpeningReader().take(mutated(opening, random));
    if (opened !== 'malformed' && opened !== undefined) openings++;
    new DatagramReader().take(mutated(framed, random));
    if (trial % 1_000 === 0) stream = new HandshakeStream();
    const frames = packets[trial % packets.length] ?? [];
    const wrong = frames.map((frame) =>
      frame.kind === 'handshake'
        ? {
            ...frame,
            offset: Math.floor(random.unit() * 70_000),
            data: mutated(frame.data, random),
          }
        : frame,
    );
    stream.receive(Math.floor(random.unit() * 2 ** 32), wrong, trial);
    const bytes = random.bytes(1 + Math.floor(random.unit() * 60));
    const packet = decodePacket(bytes);
    decodeFrames(packet.ok ? packet.value.payload : bytes);
  }
  t.true(openings > 1_000, 'some are still whole');
});
