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
import type { Connection, Transport } from '#tunnel/transport.js';
import { websocketTransport } from '#tunnel/websocket/client.js';
import { listenWebsocket } from '#tunnel/websocket/listener.js';
import type { Heard, Link, Place, Subject, SubjectName } from './subject.js';

const CHUNK = Buffer.alloc(16 * 1024);
const PATIENT = { silenceMs: 120_000, connectMs: 60_000 };
const PORTS = { clock: systemClock, random: systemRandom, log: silentLog };
const TOPIC = 'twin';

export const SUBJECTS: Readonly<Record<SubjectName, Subject>> = {
  coded: {
    serve: async (place, heard, joined) => {
      const listener = await listenCoded({ ...PORTS, ...doorOf(place) });
      listener.onConnection((connection) => joined(linkOf(connection, heard)));
    },
    dial: async (place, heard) => linkOf(await dial(codedTransport(PORTS), place), heard),
  },
  websocket: {
    serve: async (place, heard, joined) => {
      const listener = await listenWebsocket({ ...PORTS, ...doorOf(place), ...patience(place) });
      listener.onConnection((connection) => joined(linkOf(connection, heard)));
    },
    dial: async (place, heard) => {
      const transport = websocketTransport({ ...PORTS, ...patience(place) });
      return linkOf(await dial(transport, place), heard);
    },
  },
  tcp: {
    serve: async ({ host, port }, heard, joined) => {
      const server = createServer((socket) => joined(linkOfSocket(socket, heard)));
      server.listen(port, host);
      await once(server, 'listening');
    },
    dial: async ({ host, port }, heard) => {
      const socket = connect({ host, port, noDelay: true });
      await once(socket, 'connect');
      return linkOfSocket(socket, heard);
    },
  },
  // The broker runs beside B: its subscriber is on the same machine.
  mqtt: {
    serve: async ({ port }, heard) => {
      const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
      client.on('message', (_topic, payload) => heard.message(payload));
      await client.subscribeAsync(TOPIC, { qos: 1 });
    },
    dial: async ({ host, port }) => {
      const options = { connectTimeout: 60_000, reconnectPeriod: 0, keepalive: 120 };
      const client = await connectAsync(`mqtt://${host}:${port}`, options, false);
      if (client.stream instanceof Socket) client.stream.setNoDelay();
      return {
        send: (message) => {
          client.publish(TOPIC, message, { qos: 1 });
          return true;
        },
        stream: () => undefined,
        close: () => client.end(true),
        stats: () => undefined,
      };
    },
  },
};

function doorOf({ host, port, identity, authorities }: Place): {
  readonly listen: { readonly host: string; readonly port: number };
  readonly identity: Place['identity'];
  readonly clientAuthorities: readonly string[];
} {
  return { listen: { host, port }, identity, clientAuthorities: authorities };
}

function patience({ patient }: Place): { limits?: typeof PATIENT } {
  return patient ? { limits: PATIENT } : {};
}

function dial(transport: Transport, { host, port, identity }: Place): Promise<Connection> {
  return transport.connect({ url: `wss://${host}:${port}`, identity });
}

function linkOf(connection: Connection, { message, bytes, closed }: Heard): Link {
  const freight =
    connection instanceof CodedConnection && connection.traffic instanceof Freight
      ? connection.traffic
      : undefined;
  connection.onMessage((data) => {
    message(data);
    bytes(data.length);
  });
  connection.onClose(closed);
  freight?.onStream((stream) => drain(stream, bytes));
  return {
    send: (data, worth) => connection.send(data, worth === 'asap' ? 'control' : 'twin'),
    stream: (count) => {
      if (freight === undefined) pourMessages(connection, count);
      else pourStream(freight, count);
    },
    close: () => connection.close('normal'),
    stats: () => connection.stats(),
  };
}

function linkOfSocket(socket: Socket, { bytes, closed }: Heard): Link {
  socket.on('data', (data) => bytes(data.length));
  socket.on('error', () => undefined);
  socket.on('close', closed);
  return {
    send: () => false,
    stream: (count) => pour(socket, count),
    close: () => socket.destroy(),
    stats: () => undefined,
  };
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

function pour(socket: Socket, bytes: number): void {
  let left = bytes;
  const write = (): void => {
    while (left > 0) {
      left -= CHUNK.length;
      if (!socket.write(CHUNK)) return;
    }
  };
  socket.on('drain', write);
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
