/** One abusive client, as a child of bench/broker-abuse.ts. Ends by itself. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import mqtt from 'mqtt-packet';
import type { IConnectPacket } from 'mqtt-packet';
import type { Abuse } from './broker-abuses.js';
import { pause } from './process-figures.js';

const HUGE_LENGTH = [0xff, 0xff, 0xff, 0x7f];
const ABUSE_MS = 3_000;

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function client(port: number, options: Partial<IConnectPacket> = {}): Promise<Socket> {
  const socket = await open(port);
  socket.write(
    mqtt.generate({ cmd: 'connect', clientId: '', protocolVersion: 4, clean: true, ...options }),
  );
  await once(socket, 'data');
  return socket;
}

function publish(topic: string, bytes: number, qos: 0 | 1, messageId = 1): Buffer {
  const ids = qos === 0 ? {} : { messageId };
  const payload = Buffer.alloc(bytes, 'x');
  return mqtt.generate({ cmd: 'publish', topic, payload, qos, dup: false, retain: false, ...ids });
}

/** Writes as fast as the peer takes it, until the time is over or the connection is. */
async function pour(socket: Socket, chunk: Buffer, bytesMax = Infinity): Promise<void> {
  const until = performance.now() + ABUSE_MS;
  let written = 0;
  while (!socket.destroyed && performance.now() < until && written < bytesMax) {
    written += chunk.length;
    if (!socket.write(chunk)) await writable(socket);
  }
}

/** Drained, closed, or a while later: a broker may simply stop reading. */
function writable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      socket.off('drain', done).off('close', done);
      resolve();
    };
    const timer = setTimeout(done, 100);
    socket.on('drain', done).on('close', done);
  });
}

const X = Buffer.alloc(64 * 1024, 'x');

const RUNS: Record<Abuse, (port: number) => Promise<unknown>> = {
  nothing: () => pause(ABUSE_MS),
  'subscriber that stops reading': async (port) => {
    const slow = await client(port);
    slow.write(
      mqtt.generate({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: 'flood', qos: 0 }],
      }),
    );
    slow.pause();
    const publisher = await client(port);
    const until = performance.now() + ABUSE_MS;
    while (performance.now() < until) {
      publisher.write(publish('flood', 10_000, 0));
      await pause(1);
    }
  },
  'PUBLISH of 256 MB': async (port) => {
    const socket = await client(port);
    socket.write(Uint8Array.from([0x30, ...HUGE_LENGTH]));
    await pour(socket, X, 256e6);
    await pause(ABUSE_MS / 2);
  },
  '20 endless CONNECTs': async (port) => {
    const peers = await Promise.all(Array.from({ length: 20 }, () => open(port)));
    await Promise.all(
      peers.map(async (socket) => {
        socket.write(Uint8Array.from([0x10, ...HUGE_LENGTH]));
        await pour(socket, X, 20e6);
      }),
    );
    await pause(ABUSE_MS / 2);
  },
  '50,000 messages for an absent client': async (port) => {
    const absent = await client(port, { clientId: 'absent', clean: false });
    absent.write(
      mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'q', qos: 1 }] }),
    );
    await once(absent, 'data');
    absent.destroy();
    const publisher = await client(port);
    publisher.resume();
    const chunk = Buffer.concat(
      Array.from({ length: 100 }, (_, n) => publish('q', 1000, 1, n + 1)),
    );
    await pour(publisher, chunk, 50_000 * 1_010);
  },
  'flood of QoS 0': async (port) => {
    const publisher = await client(port);
    await pour(publisher, Buffer.concat(Array.from({ length: 500 }, () => publish('f', 50, 0))));
  },
  'malformed connections': async (port) => {
    const until = performance.now() + ABUSE_MS;
    for (let n = 0; performance.now() < until; n++) {
      const socket = await open(port);
      socket.end(Buffer.alloc(300, n & 0xff));
      await once(socket, 'close').catch(() => undefined);
    }
  },
};

const { port, abuse } = JSON.parse(process.argv[2] ?? '') as { port: number; abuse: Abuse };
await RUNS[abuse](port);
process.exit();
