/** WebSockets over mutual TLS 1.3 and nothing more: what no hub on `ws` can be smaller than. */
import { constants } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const { key, certificate, authorities } = JSON.parse(process.env['BARE_HUB'] ?? '{}') as {
  readonly key: string;
  readonly certificate: string;
  readonly authorities: string[];
};

const server = createServer({
  ...{ key, cert: certificate, ca: authorities },
  ...{ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' },
  secureOptions: constants.SSL_OP_NO_TICKET,
});
const sockets = new WebSocketServer({ server, clientTracking: false, perMessageDeflate: false });
sockets.on('connection', (socket) => socket.on('message', () => undefined));
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ event: 'ready', listen: `127.0.0.1:${port}` })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
