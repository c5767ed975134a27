import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { EdgeError } from '#protocol/errors.js';
import type { ListenAddress } from './broker-port.js';

/** Resolves with the address in use: port 0 asks for any. */
export async function listen(
  at: ListenAddress,
  onSocket: (socket: Socket) => void,
): Promise<{ server: Server; address: ListenAddress }> {
  const server = createServer({ noDelay: true }, onSocket);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new EdgeError('EDGE_CONFIG', `the MQTT broker cannot listen on ${at.host}:${at.port}`, {
          cause,
          hint:
            cause.code === 'EADDRINUSE'
              ? 'Another broker runs here: stop it, or set another eventbus port.'
              : 'Set an address of this machine, and a port above 1023 unless run as root.',
        }),
      ),
    );
    server.listen(at.port, at.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : at.port;
  return { server, address: { host: at.host, port } };
}
