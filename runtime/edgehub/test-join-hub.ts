import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import {
  encodeJoinToken,
  timeStatement,
  type JoinAnswer,
  type JoinToken,
  type TrustAnswer,
} from '#protocol/join.js';
import { TestAuthority } from '#tunnel/test-authority.js';
import type { Identity } from '#tunnel/transport.js';

export type Serve = (body: string, socket: TLSSocket, hub: TestJoinHub) => void;

/** A hub for tests of joining: real TLS, and an answer that is as good or evil as a test wants. */
export class TestJoinHub {
  readonly authority: TestAuthority;
  /** Everything that anybody sent after the handshake. */
  heard = '';
  connections = 0;
  /** What it wants gateways to trust. */
  trusted: TrustAnswer;
  /** What it says the time is, and by whom it is signed; undefined: it says nothing. */
  time: { readonly wallMs: number; readonly signer: TestAuthority } | undefined;
  #port = 0;
  readonly #server;

  constructor(serve: Serve, identity?: Identity, authority = new TestAuthority()) {
    this.authority = authority;
    this.trusted = { roots: [authority.certificate], links: [] };
    const { key, certificate } = identity ?? authority.hub();
    this.#server = createServer({ key, cert: certificate, minVersion: 'TLSv1.3' }, (socket) => {
      let request = '';
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        this.heard += bytes.toString('latin1');
        request += bytes.toString('latin1');
        const body = /\r\n\r\n(\{.*\})$/s.exec(request)?.[1];
        if (body === undefined) return;
        if (request.startsWith('POST /v1/trust')) answer(socket, this.trusted);
        else if (request.startsWith('POST /v1/time')) this.#tell(body, socket);
        else serve(body, socket, this);
      });
    });
  }

  async start(): Promise<this> {
    this.#server.on('connection', () => this.connections++);
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  stop(): void {
    this.#server.close();
  }

  token(changes: Partial<JoinToken> = {}): string {
    return encodeJoinToken({
      hub: `wss://127.0.0.1:${this.#port}`,
      pin: this.authority.pin,
      id: '00'.repeat(8),
      secret: '5e'.repeat(16),
      node: 'gw-1',
      ...changes,
    });
  }

  #tell(body: string, socket: TLSSocket): void {
    if (this.time === undefined) {
      answer(socket, { code: 'EDGE_UNSUPPORTED' }, 404);
      return;
    }
    const { nonce } = JSON.parse(body) as { nonce: string };
    const { wallMs, signer } = this.time;
    const signature = signer.sign(timeStatement(nonce, wallMs)).toString('base64');
    answer(socket, { wallMs, signature });
  }

  /** What an honest hub would answer. */
  certify(body: string, node = 'gw-1', authority = this.authority): JoinAnswer {
    const names = [`urn:edgetwin:node:${node}`];
    const certificate = authority.certify(keyOf(body), node, { names, usage: 'client' });
    return { node, certificate, authority: this.authority.certificate };
  }
}

export function answer(socket: TLSSocket, document: object, status = 200): void {
  const body = JSON.stringify(document);
  socket.end(`HTTP/1.1 ${status} X\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** The SPKI of a P-256 key is always these 26 bytes and the 65 of the point. */
const SPKI_HEAD = Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex');

function keyOf(body: string): ReturnType<typeof createPublicKey> {
  const { csr } = JSON.parse(body) as { csr: string };
  const der = Buffer.from(csr, 'base64');
  const at = der.indexOf(SPKI_HEAD);
  return createPublicKey({ key: der.subarray(at, at + 91), format: 'der', type: 'spki' });
}
