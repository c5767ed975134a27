import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { codedTransport } from '#tunnel/coded/endpoint/client.js';
import { CodedConnection } from '#tunnel/coded/endpoint/coded-connection.js';
import { listenCoded } from '#tunnel/coded/endpoint/listener.js';
import { Freight } from '#tunnel/coded/streams/freight.js';
import type { Stream } from '#tunnel/coded/streams/stream.js';
import type { Connection, Listener, Transport } from '#tunnel/transport.js';
import { websocketTransport } from '#tunnel/websocket/client.js';
import { listenWebsocket } from '#tunnel/websocket/listener.js';
import type { Dialled, Place, Served, Subject, SubjectName } from './subject.js';

const CHUNK = Buffer.alloc(16 * 1024);
/** TCP is measured here, not how soon a keep-alive gives it up. */
const PATIENT = { silenceMs: 120_000, connectMs: 60_000 };
const PORTS = { clock: systemClock, random: systemRandom, log: silentLog };
const TOPIC = 'twin';

export const SUBJECTS: Readonly<Record<SubjectName, Subject>> = {
  coded: {
    serve: async (place, served) => {
      const { host, port, identity, authorities } = place;
      const options = { listen: { host, port }, identity, clientAuthorities: authorities };
      const listener = await listenCoded({ ...PORTS, ...options });
      hear(listener, served);
    },
    dial: async (place) => dialled(await dial(codedTransport(PORTS), place)),
  },
  websocket: {
    serve: async (place, served) => {
      const { host, port, identity, authorities } = place;
      const options = { listen: { host, port }, identity, clientAuthorities: authorities };
      hear(await listenWebsocket({ ...PORTS, ...options, limits: PATIENT }), served);
    },
    dial: async (place) =>
      dialled(await dial(websocketTransport({ ...PORTS, limits: PATIENT }), place)),
  },
  tcp: {
    serve: async ({ host, port }, served) => {
      const server = createServer((socket) => {
        socket.on('data', (data) => served.bytes(data.length));
        socket.on('error', () => undefined);
      });
      server.listen(port, host);
      await once(server, 'listening');
    },
    dial: async ({ host, port }) => {
      const socket = connect({ host, port, noDelay: true });
      await once(socket, 'connect');
      return {
        send: () => undefined,
        stream: (bytes) => pour(socket, bytes),
        close: () => socket.destroy(),
      };
    },
  },
  // The broker runs beside B: its subscriber is on the same machine.
  mqtt: {
    serve: async ({ port }, served) => {
      const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
      client.on('message', (_topic, payload) => served.message(payload));
      await client.subscribeAsync(TOPIC, { qos: 1 });
    },
    dial: async ({ host, port }) => {
      const options = { connectTimeout: 60_000, reconnectPeriod: 0, keepalive: 120 };
      const client = await connectAsync(`mqtt://${host}:${port}`, options, false);
      if (client.stream instanceof Socket) client.stream.setNoDelay();
      return {
        send: (message) => client.publish(TOPIC, message, { qos: 1 }),
        stream: () => undefined,
        close: () => client.end(true),
      };
    },
  },
};

function dial(transport: Transport, { host, port, identity }: Place): Promise<Connection> {
  return transport.connect({ url: `wss://${host}:${port}`, identity });
}

function hear(listener: Listener, { message, bytes }: Served): void {
  listener.onConnection((connection) => {
    connection.onMessage((data) => {
      message(data);
      bytes(data.length);
    });
    if (connection instanceof CodedConnection && connection.traffic instanceof Freight)
      connection.traffic.onStream((stream) => drain(stream, bytes));
  });
}

function drain(stream: Stream, bytes: (count: number) => void): void {
  stream.listen({
    readable: () => {
      for (let data = stream.read(); data !== undefined; data = stream.read()) bytes(data.length);
    },
    drained: () => undefined,
    failed: () => undefined,
  });
}

function dialled(connection: Connection): Dialled {
  return {
    send: (message, worth) => connection.send(message, worth === 'asap' ? 'control' : 'twin'),
    stream: (bytes) => {
      if (connection instanceof CodedConnection && connection.traffic instanceof Freight)
        pourStream(connection.traffic, bytes);
      else pourMessages(connection, bytes);
    },
    close: () => connection.close('normal'),
  };
}

function pour(socket: Socket, bytes: number): void {
  let left = bytes;
  const write = (): void => {
    while (left > 0) {
      left -= CHUNK.length;
      if (!socket.write(CHUNK)) return;
    }
  };
  socket.on('drain', write);
  socket.on('error', () => undefined);
  write();
}

function pourMessages(connection: Connection, bytes: number): void {
  let left = bytes;
  const send = (): void => {
    while (left > 0 && connection.send(CHUNK, 'bulk')) left -= CHUNK.length;
  };
  connection.onDrained(send);
  send();
}

function pourStream(freight: Freight, bytes: number): void {
  let left = bytes;
  const stream = freight.openStream();
  const write = (): void => {
    while (left > 0 && stream?.write(CHUNK) === true) left -= CHUNK.length;
  };
  stream?.listen({ readable: () => undefined, drained: write, failed: () => undefined });
  write();
}
