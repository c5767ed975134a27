import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { EdgeError } from '#protocol/errors.js';
import { dial, type ForwardDial, type ForwardRefusal } from './dial.js';
import { DatagramJoin, joinStreams } from './join.js';
import { FORWARD_LIMITS } from './limits.js';
import type { Target } from './target.js';

export interface ForwardEntryOptions extends ForwardDial {
  /** Where to listen; port 0: any. */
  readonly listen: Target;
  /** A connection or a flow was not opened. */
  readonly onRefused?: (why: ForwardRefusal) => void;
  /** A datagram was thrown away: the stream was full, not open in time, or none was to be had. */
  readonly onDropped?: () => void;
}

/** The hub's end of a forwarding: what connects here comes out at the gateway. */
export interface ForwardEntry {
  /** `host:port`. */
  readonly address: string;
  close(): Promise<void>;
}

/** Rejects with EDGE_CONNECTION when the port is taken. */
export async function openForward(options: ForwardEntryOptions): Promise<ForwardEntry> {
  try {
    return await (options.listen.carriage === 'tcp' ? listenTcp(options) : listenUdp(options));
  } catch (cause) {
    const { host, port } = options.listen;
    throw new EdgeError('EDGE_CONNECTION', `Cannot listen on ${host}:${port}.`, {
      cause,
      hint: 'Choose another port.',
    });
  }
}

async function listenTcp(options: ForwardEntryOptions): Promise<ForwardEntry> {
  const open = new Set<Duplex>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
    const gone = (): void => void stream?.destroy();
    socket.once('close', gone);
    // Nothing is read before the gateway has answered.
    const stream = dial(options, {
      opened: (joined) => {
        socket.off('close', gone);
        joinStreams(joined, socket, () => undefined);
      },
      refused: (why) => {
        if (!socket.destroyed) options.onRefused?.(why);
        socket.destroy();
      },
    });
  });
  server.maxConnections = FORWARD_LIMITS.connections;
  server.listen(options.listen.port, options.listen.host);
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: addressText(server.address() as AddressInfo), close };
}

async function listenUdp(options: ForwardEntryOptions): Promise<ForwardEntry> {
  const { host, port } = options.listen;
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  const flows = new Map<string, DatagramSender>();
  socket.on('message', (datagram, from) => {
    const key = addressText(from);
    let flow = flows.get(key);
    if (flow === undefined) {
      if (flows.size >= FORWARD_LIMITS.connections) {
        options.onDropped?.();
        return;
      }
      const back = (data: Uint8Array): void => socket.send(data, from.port, from.address);
      flow = new DatagramSender(options, back, () => flows.delete(key));
      flows.set(key, flow);
    }
    flow.send(datagram);
  });
  await bound(socket, port, host);
  const close = async (): Promise<void> => {
    for (const flow of [...flows.values()]) flow.close();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  };
  return { address: addressText(socket.address()), close };
}

async function bound(socket: DatagramSocket, port: number, host: string): Promise<void> {
  socket.bind(port, host);
  await once(socket, 'listening');
  socket.on('error', () => undefined);
}

/** One sender of datagrams: its stream, and what waits for the stream to open. */
class DatagramSender {
  readonly #early: Uint8Array[] = [];
  readonly #dropped: () => void;
  #earlyBytes = 0;
  #join: DatagramJoin | undefined;
  #stream: Duplex | undefined;

  constructor(
    options: ForwardEntryOptions,
    back: (datagram: Uint8Array) => void,
    over: () => void,
  ) {
    this.#dropped = () => options.onDropped?.();
    this.#stream = dial(options, {
      opened: (stream) => {
        const flow = { send: back, close: over };
        this.#join = new DatagramJoin(stream, flow, options.clock, this.#dropped);
        for (const datagram of this.#early.splice(0)) this.#join.arrived(datagram);
      },
      refused: (why) => {
        over();
        for (let lost = this.#early.length; lost > 0; lost--) this.#dropped();
        options.onRefused?.(why);
      },
    });
  }

  send(datagram: Uint8Array): void {
    if (this.#join !== undefined) {
      this.#join.arrived(datagram);
      return;
    }
    this.#earlyBytes += datagram.length + FORWARD_LIMITS.hostBytes;
    if (this.#earlyBytes <= FORWARD_LIMITS.datagramQueueBytes) this.#early.push(datagram);
    else this.#dropped();
  }

  close(): void {
    this.#stream?.destroy();
  }
}

function addressText({ address, port }: { address: string; port: number }): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
