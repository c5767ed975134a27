import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { codedTransport } from '../coded/endpoint/client.js';
import { listenCoded } from '../coded/endpoint/listener.js';
import { TestAuthority } from '../test-authority.js';
import type { Connection } from '../transport.js';
import { DatagramReader, frameDatagram } from './datagram-frames.js';
import { askForward } from './dial.js';
import { openForward } from './forward-entry.js';
import { ForwardExit } from './forward-exit.js';
import { DatagramJoin } from './join.js';
import { FORWARD_LIMITS } from './limits.js';
import { OpeningReader, writeOpening } from './opening.js';
import { isAllowed, readForward, readTarget, targetText, type Target } from './target.js';

const PORTS = { clock: systemClock, log: silentLog };
const ANY = readTarget('127.0.0.1:1');

/** Turns what it hears into capitals, and says goodbye after the end. */
async function capitals(t: ExecutionContext): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('data', (data) => socket.write(data.toString().toUpperCase()));
    socket.on('end', () => socket.end('BYE'));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function dialTo(address: string): Socket {
  const { host, port } = readTarget(address);
  const socket = connect({ host, port, allowHalfOpen: true });
  socket.on('error', () => undefined);
  return socket;
}

/** A listening end whose streams go straight to a gateway that allows these targets. */
async function forwarding(
  t: ExecutionContext,
  target: string,
  allowed: readonly string[],
): Promise<{ address: string; exit: ForwardExit; streams: Duplex[] }> {
  const exit = new ForwardExit({ ...PORTS, allowed: allowed.map(readTarget) });
  const streams: Duplex[] = [];
  const goal = readTarget(target);
  const entry = await openForward({
    ...PORTS,
    listen: { ...ANY, carriage: goal.carriage, port: 0 },
    target: goal,
    openStream: () => {
      const [near, far] = duplexPair();
      streams.push(near);
      exit.accept(far);
      return near;
    },
  });
  t.teardown(async () => {
    exit.close();
    await entry.close();
  });
  return { address: entry.address, exit, streams };
}

test('what connects here comes out there, both ways, each end closing for itself', async (t) => {
  const target = await capitals(t);
  const { address } = await forwarding(t, target, [target]);
  const sockets = [dialTo(address), dialTo(address)];
  sockets.forEach((socket, index) => socket.end(`hello ${index}`));
  t.deepEqual(await Promise.all(sockets.map((socket) => text(socket))), [
    'HELLO 0BYE',
    'HELLO 1BYE',
  ]);
});

test('a gateway reaches nothing that its configuration does not name', async (t) => {
  const target = await capitals(t);
  for (const allowed of [[], ['127.0.0.1:1'], [`udp:${target}`], [target.replace('127', '128')]]) {
    const { address, exit } = await forwarding(t, target, allowed);
    t.is(await text(dialTo(address)).catch(() => ''), '');
    t.is(exit.refused, 1);
  }
});

test('a target that nobody listens on closes the connection', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.close();
  const { address, exit } = await forwarding(t, target, [target]);
  t.is(await text(dialTo(address)).catch(() => ''), '');
  t.is(exit.refused, 1);
});

test('more connections than a gateway forwards are refused', async (t) => {
  const exit = new ForwardExit({ ...PORTS, allowed: [] });
  const far = Array.from({ length: FORWARD_LIMITS.connections + 1 }, () => duplexPair());
  for (const [, stream] of far) exit.accept(stream);
  const [last] = far.at(-1)!;
  const [answer] = (await once(last, 'data')) as [Uint8Array];
  t.deepEqual([...answer], [3]);
  t.is(exit.open, FORWARD_LIMITS.connections);
  exit.close();
});

test('whether a target is allowed is answered without reaching it', async (t) => {
  let reached = 0;
  const server = createServer(() => reached++).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const target = readTarget(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  const exit = new ForwardExit({ ...PORTS, allowed: [target] });
  const ask = (asked: Target, stream?: Duplex): Promise<unknown> =>
    askForward({
      ...PORTS,
      target: asked,
      openStream: () => {
        const [near, far] = duplexPair();
        exit.accept(far);
        return stream ?? near;
      },
    });
  t.is(await ask(target), undefined);
  t.is(await ask({ ...target, carriage: 'udp' }), 'forbidden');
  const [near, far] = duplexPair();
  far.destroy();
  t.is(await ask(target, near), 'lost');
  t.is(reached, 0);
  t.like(exit.status(), { allowed: 1, opened: 0, refused: 1 });
});

test('without a stream to the gateway the connection is closed at once', async (t) => {
  const entry = await openForward({
    ...PORTS,
    listen: { ...ANY, port: 0 },
    target: ANY,
    openStream: () => undefined,
  });
  t.is(await text(dialTo(entry.address)).catch(() => ''), '');
  await entry.close();
});

test('datagrams keep their borders and find their sender', async (t) => {
  const echo = createSocket('udp4');
  echo.on('message', (data, from) =>
    echo.send(data.toString().toUpperCase(), from.port, from.address),
  );
  echo.bind(0, '127.0.0.1');
  await once(echo, 'listening');
  const target = `udp:127.0.0.1:${echo.address().port}`;
  const { address } = await forwarding(t, target, [target]);
  const { port } = readTarget(address);
  const answers = await Promise.all(
    ['one', 'two'].map(async (word) => {
      const socket = createSocket('udp4');
      socket.send(word, port, '127.0.0.1');
      const [data] = (await once(socket, 'message')) as [Buffer];
      socket.close();
      return data.toString();
    }),
  );
  t.deepEqual(answers, ['ONE', 'TWO']);
  echo.close();
});

test('datagrams that a slow stream has no room for are counted', (t) => {
  const [near] = duplexPair(); // nobody reads at the other end
  let dropped = 0;
  const flow = { send: () => undefined, close: () => undefined };
  const join = new DatagramJoin(near, flow, systemClock, () => (dropped += 1));
  const sent = 2 + 2 * Math.ceil(FORWARD_LIMITS.datagramQueueBytes / FORWARD_LIMITS.datagramBytes);
  for (let datagram = 0; datagram < sent; datagram++)
    join.arrived(new Uint8Array(FORWARD_LIMITS.datagramBytes));
  t.true(dropped > 1 && dropped < sent, `${dropped}`);
  near.destroy();
});

test('datagrams that came before their stream and were too many, or never got one, are counted', async (t) => {
  for (const isSilent of [true, false]) {
    let [dropped, sent] = [0, 0];
    const entry = await openForward({
      ...PORTS,
      listen: { ...ANY, carriage: 'udp', port: 0 },
      target: readTarget('udp:127.0.0.1:9'),
      openStream: () => (isSilent ? duplexPair()[0] : undefined),
      onDropped: () => (dropped += 1),
    });
    const { port } = readTarget(entry.address);
    t.teardown(() => entry.close());
    const socket = createSocket('udp4');
    const more = (): void => {
      socket.send(new Uint8Array(20_000), port, '127.0.0.1');
      if (dropped > 0 || ++sent > 2_000) socket.close();
      else systemClock.setTimer('more', 1, more); // the other socket has to be read between them
    };
    more();
    await once(socket, 'close');
    t.true(dropped > 0);
  }
});

test('over the coded tunnel: a megabyte there and back', async (t) => {
  const target = await capitals(t);
  const authority = new TestAuthority();
  const ports = { ...PORTS, random: systemRandom };
  const listener = await listenCoded({
    ...ports,
    listen: { host: '127.0.0.1', port: 0 },
    identity: authority.hub(),
    clientAuthorities: [authority.certificate],
  });
  const accepted = new Promise<Connection>((resolve) => listener.onConnection(resolve));
  const url = `wss://${listener.address}`;
  const gateway = await codedTransport(ports).connect({ url, identity: authority.node('gw-1') });
  const exit = new ForwardExit({ ...PORTS, allowed: [readTarget(target)] });
  gateway.streams?.onStream((stream) => exit.accept(stream));
  const hub = await accepted;
  const entry = await openForward({
    ...PORTS,
    listen: { ...ANY, port: 0 },
    target: readTarget(target),
    openStream: () => hub.streams?.open(),
  });
  const socket = dialTo(entry.address);
  socket.end('a'.repeat(1_000_000));
  const answer = await text(socket);
  t.is(answer.length, 1_000_003);
  t.true(answer.endsWith('ABYE'));
  exit.close();
  await entry.close();
  await listener.close();
});

test('targets and forwardings are read, and refused, as they are written', (t) => {
  t.deepEqual(readTarget('10.0.0.5:80'), { carriage: 'tcp', host: '10.0.0.5', port: 80 });
  t.deepEqual(readTarget('udp:[::1]:161'), { carriage: 'udp', host: '::1', port: 161 });
  t.deepEqual(readForward('127.0.0.1:8080:printer.local:80'), {
    listen: { carriage: 'tcp', host: '127.0.0.1', port: 8_080 },
    target: { carriage: 'tcp', host: 'printer.local', port: 80 },
  });
  for (const text of ['10.0.0.5:80', 'udp:[::1]:161', 'printer.local:9100'])
    t.is(targetText(readTarget(text)), text);
  for (const bad of [
    '',
    'x',
    'x:',
    'x:0',
    'x:65536',
    'a b:1',
    ':80',
    '[zz]:1',
    'x:1:2',
    'http://x:1',
  ])
    t.throws(() => readTarget(bad), { message: /is not a target/ }, bad);
  t.true(isAllowed(readTarget('HOST:1'), [readTarget('host:1')]));
  t.false(isAllowed(readTarget('udp:host:1'), [readTarget('host:1')]));
});

test('an opening comes in pieces, and what is none is told at once', (t) => {
  const target = readTarget('udp:sensor-7.site:502');
  const bytes = writeOpening(target);
  const reader = new OpeningReader();
  for (const byte of bytes.subarray(0, -1)) t.is(reader.take(Uint8Array.of(byte)), undefined);
  const opening = reader.take(Uint8Array.of(bytes.at(-1)!, 1, 2));
  t.deepEqual(opening, { target, isQuestion: false, rest: Buffer.of(1, 2) });
  t.like(new OpeningReader().take(writeOpening(target, true)), { target, isQuestion: true });
  for (const bad of [
    [2],
    [1, 2, 0, 1, 0],
    [1, 0, 0, 1, 254],
    [1, 0, 0, 0, 1, 97],
    [1, 0, 0, 1, 1, 0],
  ])
    t.is(new OpeningReader().take(Uint8Array.from(bad)), 'malformed', bad.join());
});

test('datagrams are found in any pieces of a stream', (t) => {
  const datagrams = [new Uint8Array(0), Uint8Array.of(1), new Uint8Array(3_000).fill(7)];
  const bytes = Buffer.concat(datagrams.map(frameDatagram));
  const reader = new DatagramReader();
  const found: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 7) {
    const next = reader.take(bytes.subarray(at, at + 7));
    if (next !== 'malformed') found.push(...next);
  }
  t.deepEqual(
    found.map((datagram) => [...datagram]),
    datagrams.map((datagram) => [...datagram]),
  );
  t.is(new DatagramReader().take(Uint8Array.of(0xff, 0xff)), 'malformed');
});
