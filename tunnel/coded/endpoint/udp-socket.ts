import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { isIP } from 'node:net';
import { EdgeError } from '#protocol/errors.js';
import { joinAddress, splitAddress, type DatagramPort } from './datagram-port.js';

/** Bytes of the receive buffer asked for: two thirds of a burst were lost with the usual one. */
const HUB_BUFFER_BYTES = 8 * 1024 * 1024;
const NODE_BUFFER_BYTES = 1024 * 1024;

/** Addresses are numbers here: a look-up would only cost a turn of the event loop each. */
const lookup: NonNullable<SocketOptions['lookup']> = (host, _options, done) =>
  done(null, host, isIP(host));

/** Opens a hub's socket. Rejects with EDGE_CONNECTION when the port is taken. */
export function bindUdp(host: string, port: number): Promise<DatagramPort> {
  return new Promise((resolve, reject) => {
    const socket = create(host);
    const refuse = (cause: Error): void => {
      socket.close();
      reject(
        new EdgeError('EDGE_CONNECTION', `Cannot listen on UDP ${joinAddress(host, port)}.`, {
          cause,
          remote: false,
          hint: 'Is another program using this port?',
        }),
      );
    };
    socket.once('error', refuse);
    socket.bind({ address: host, port }, () => {
      socket.off('error', refuse);
      let last = { to: '', host: '', port: 0 };
      const send = (bytes: Uint8Array, to: string): void => {
        if (to !== last.to) last = { to, ...splitAddress(to) };
        socket.send(bytes, last.port, last.host, ignore);
      };
      resolve(portOf(socket, send, HUB_BUFFER_BYTES));
    });
  });
}

/** Opens a node's socket, which hears this hub only. Rejects with EDGE_CONNECTION. */
export function connectUdp(hub: string): Promise<DatagramPort> {
  return new Promise((resolve, reject) => {
    const { host, port } = splitAddress(hub);
    const socket = create(host);
    const refuse = (cause: Error): void => {
      socket.close();
      reject(new EdgeError('EDGE_CONNECTION', `No way to ${hub}.`, { cause }));
    };
    socket.once('error', refuse);
    // With a callback Node tells it of the error instead of anybody else.
    socket.connect(port, host, (error?: Error) => {
      socket.off('error', refuse);
      if (error !== undefined) {
        refuse(error);
        return;
      }
      let unsendable: (() => void) | undefined;
      // Refused by the hub's machine: there is a way to it.
      const sent = (error: (Error & { readonly code?: string }) | null): void => {
        if (error !== null && error.code !== 'ECONNREFUSED') unsendable?.();
      };
      resolve({
        ...portOf(socket, (bytes) => socket.send(bytes, sent), NODE_BUFFER_BYTES),
        onUnsendable: (listener) => (unsendable = listener),
      });
    });
  });
}

/** What cannot be sent is lost, as on any link. */
function ignore(): void {
  // The error event tells of what matters.
}

function create(host: string): Socket {
  return createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4', lookup });
}

function portOf(
  socket: Socket,
  transmit: (bytes: Uint8Array, to: string) => void,
  bufferBytes: number,
): DatagramPort {
  let isOpen = true;
  let refused: ((cause: unknown) => void) | undefined;
  socket.on('error', (cause) => refused?.(cause));
  try {
    socket.setRecvBufferSize(bufferBytes);
  } catch {
    // The usual one remains; the effective size is shown.
  }
  const { address, port } = socket.address();
  return {
    address: joinAddress(address, port),
    receiveBufferBytes: socket.getRecvBufferSize(),
    send: (bytes, to) => {
      if (isOpen) transmit(bytes, to);
    },
    onDatagram: (listener) => {
      let last = { address: '', port: 0, joined: '' };
      socket.on('message', (bytes, from) => {
        if (from.port !== last.port || from.address !== last.address) {
          const { address, port } = from;
          last = { address, port, joined: joinAddress(address, port) };
        }
        // No Buffer, whose slices would not be copies.
        listener(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length), last.joined);
      });
    },
    onRefused: (listener) => (refused = listener),
    close: () => {
      if (!isOpen) return Promise.resolve();
      isOpen = false;
      return new Promise((resolve) => socket.close(() => resolve()));
    },
  };
}
