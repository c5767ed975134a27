import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, TLSSocket } from 'node:tls';
import { PROXY_HEADER } from '#tunnel/trusted-proxy.js';

type Keyed = { readonly key: string; readonly certificate: string };

/**
 * As nginx in docs/hardening.md: ends the TLS of who comes, asks for a certificate without judging
 * it, and passes requests and upgrades on, with the header in the place of what was in it. Bytes
 * go both ways after the head.
 */
export async function openProxy(
  t: { teardown(undo: () => unknown): void },
  { shown, own, hubPort }: { shown: Keyed; own: Keyed; hubPort: number },
): Promise<{ readonly url: string }> {
  const server = createServer({
    ...{ key: shown.key, cert: shown.certificate },
    ...{ requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' },
  });
  const passOn = (socket: TLSSocket, head: string, body: Buffer, isWhole: boolean): void => {
    const upstream = connect({
      ...{ host: '127.0.0.1', port: hubPort, rejectUnauthorized: false },
      ...{ key: own.key, cert: own.certificate },
    });
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    upstream.write(head);
    upstream.write(body);
    upstream.pipe(socket);
    if (!isWhole) socket.pipe(upstream);
  };
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { socket } = request;
      if (!(socket instanceof TLSSocket)) return;
      response.detachSocket(socket);
      passOn(socket, headOf(request, socket), Buffer.concat(chunks), true);
    });
  });
  server.on('upgrade', (request, socket, head) => {
    if (socket instanceof TLSSocket) passOn(socket, headOf(request, socket), head, false);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `wss://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function headOf({ method, url, rawHeaders }: IncomingMessage, socket: TLSSocket): string {
  const lines = [`${method} ${url} HTTP/1.1`];
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() !== PROXY_HEADER)
      lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  const certificate = socket.getPeerX509Certificate();
  if (certificate !== undefined)
    lines.push(`${PROXY_HEADER}: ${encodeURIComponent(String(certificate))}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
