import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { TestAuthority } from '../../test-authority.js';
import type { Connection } from '../../transport.js';
import { codedTransport } from './client.js';
import { joinAddress, type DatagramPort } from './datagram-port.js';
import { ENDPOINT_LIMITS } from './limits.js';
import { listenCoded } from './listener.js';
import { addressStep } from './own-address.js';
import { connectUdp } from './udp-socket.js';

const PORTS = { clock: systemClock, random: systemRandom, log: silentLog };

test('an answer that is overdue makes a node look, a long silence makes it change', (t) => {
  const step = (ms: number, awaits = true, sinceMs = 60_000): string =>
    addressStep({ ms, awaits }, 100, sinceMs, ENDPOINT_LIMITS);
  t.is(step(60_000, false), 'nothing', 'nothing was asked');
  t.is(step(240), 'nothing');
  t.is(step(260), 'look');
  t.is(addressStep({ ms: 260, awaits: true }, 300, 60_000, ENDPOINT_LIMITS), 'nothing');
  t.is(step(6_600), 'renew');
  t.is(step(6_600, true, 1_000), 'look', 'not all the time');
});

test('a socket without a way to the hub is an error, not a socket', async (t) => {
  // Nobody may connect to everybody: refused by the system, whatever networks there are.
  await t.throwsAsync(connectUdp('255.255.255.255:9'), { code: 'EDGE_CONNECTION' });
});

/** A socket on one of the addresses of loopback, that can be cut off. */
async function socketOn(host: string, cut: () => boolean, saysSo = false): Promise<DatagramPort> {
  const socket = createSocket('udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  const { address, port } = socket.address();
  let isOpen = true;
  let unsendable: (() => void) | undefined;
  return {
    address: joinAddress(address, port),
    onUnsendable: (listener) => (unsendable = listener),
    send: (bytes, to) => {
      const at = to.lastIndexOf(':');
      if (isOpen && saysSo && cut()) unsendable?.();
      if (isOpen && !cut()) socket.send(bytes, Number(to.slice(at + 1)), to.slice(0, at));
    },
    onDatagram: (listener) =>
      void socket.on('message', (bytes, from) => {
        if (!cut()) listener(bytes, joinAddress(from.address, from.port));
      }),
    onRefused: () => undefined,
    close: () => {
      if (!isOpen) return Promise.resolve();
      isOpen = false;
      return new Promise((resolve) => socket.close(() => resolve()));
    },
  };
}

const OVERDUE_NEVER = { lookEveryMs: 60_000 };

for (const saysSo of [false, true])
  test(`a node whose network has changed goes on in the same session${saysSo ? ', at once when the system refuses to send' : ''}`, async (t) => {
    const authority = new TestAuthority();
    const listener = await listenCoded({
      ...PORTS,
      listen: { host: '127.0.0.1', port: 0 },
      identity: authority.hub(),
      clientAuthorities: [authority.certificate],
    });
    const accepted = new Promise<Connection>((resolve) => listener.onConnection(resolve));
    let host = '127.0.0.2';
    const transport = codedTransport({
      ...PORTS,
      // With the system's word nothing has to be overdue.
      ...(saysSo ? { limits: OVERDUE_NEVER } : {}),
      connectSocket: () => {
        const own = host;
        return socketOn(own, () => own !== host, saysSo);
      },
    });
    const url = `wss://${listener.address}`;
    const node = await transport.connect({ url, identity: authority.node('gw-1') });
    const hub = await accepted;
    const heard: string[] = [];
    const told = new Promise<void>((resolve) =>
      hub.onMessage((message) => {
        heard.push(Buffer.from(message).toString());
        if (heard.length === 2) resolve();
      }),
    );
    const closed: unknown[] = [];
    node.onClose((reason) => closed.push(reason));
    node.send(Buffer.from('before'), 'twin');
    host = '127.0.0.3'; // the old address leads nowhere from here on
    node.send(Buffer.from('after'), 'twin');
    await told;
    t.deepEqual([...new Set(heard)].sort(), ['after', 'before']);
    t.deepEqual(closed, []);
    t.is(listener.stats().accepted, 1);
    await listener.close();
  });
