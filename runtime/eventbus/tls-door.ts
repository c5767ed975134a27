import { constants } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server as TlsServer, TLSSocket } from 'node:tls';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { ListenAddress } from './broker-port.js';
import { readClientCertificate } from './client-certificate.js';
import { TLS_LIMITS } from './limits.js';
import { listen } from './listener.js';
import type { SecureConnection } from './socket-guard.js';
import { readTlsFiles, stampOf } from './tls-files.js';
import type { TlsFiles, TlsMaterial } from './tls-files.js';

export interface TlsDoorOptions {
  readonly listen: ListenAddress;
  readonly files: TlsFiles;
  /** Milliseconds for a handshake. */
  readonly handshakeMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** A handshake has ended well; who it is has not been judged. */
  readonly onConnection: (socket: Socket, secure: SecureConnection) => void;
  /** Now and then; `isOther`: other authorities certify clients than before. */
  readonly onLook: (isOther: boolean) => void;
}

/** TLS 1.2 is for clients of the plant that are old: forward secret and authenticated suites only. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384',
  ...['ECDSA', 'RSA'].map(
    (kind) =>
      `ECDHE-${kind}-AES128-GCM-SHA256:ECDHE-${kind}-CHACHA20-POLY1305:ECDHE-${kind}-AES256-GCM-SHA384`,
  ),
].join(':');

/**
 * The broker's door with TLS. It is loaded only where it is configured. Certificates are asked for
 * and judged by `readClientCertificate` and `CredentialAuthorizer`, not by TLS: a refusal then has a
 * code and a line in the log.
 */
export class TlsDoor {
  readonly counters = { tlsHandshakesFailed: 0, tlsGaveWay: 0 };
  readonly #options: TlsDoorOptions;
  /** Raw sockets in a handshake, and those of connections that are not clients yet, oldest first. */
  readonly #strangers = new Map<string, Socket>();
  #listener: Server | undefined;
  #tls: TlsServer | undefined;
  #authorities: readonly X509Certificate[] = [];
  #stamp = '';
  #complaint = '';
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: TlsDoorOptions) {
    this.#options = options;
  }

  /** Rejects with EDGE_CONFIG for files or an address that cannot be used. */
  async open(): Promise<ListenAddress> {
    const { files, handshakeMs } = this.#options;
    this.#stamp = await stampOf(files);
    const material = await readTlsFiles(files);
    this.#authorities = material.authorities;
    const server = createServer({
      ...contextOf(material),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: handshakeMs,
    });
    server.on('tlsClientError', (error) => {
      this.counters.tlsHandshakesFailed++;
      this.#options.log.debug('tls-handshake-failed', { error });
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    this.#tls = server;
    const { server: listener, address } = await listen(this.#options.listen, (raw) =>
      this.#accept(raw, server),
    );
    this.#listener = listener;
    this.#schedule();
    return address;
  }

  /** Resolves when all connections are gone: those that became clients are the broker's to end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const listener = this.#listener;
    const closed = new Promise<void>((resolve) => {
      if (listener === undefined) resolve();
      else listener.close(() => resolve());
    });
    for (const raw of this.#strangers.values()) raw.destroy();
    await closed;
  }

  /** Never rejects: files that cannot be used leave what is shown as it is, and are said once. */
  async look(): Promise<void> {
    const { files, log, onLook } = this.#options;
    const stamp = await stampOf(files);
    let isOther = false;
    if (stamp !== this.#stamp)
      try {
        const material = await readTlsFiles(files);
        this.#tls?.setSecureContext(contextOf(material));
        isOther = String(material.authorities) !== String(this.#authorities);
        this.#authorities = material.authorities;
        this.#stamp = stamp;
        this.#complaint = '';
        log.info('broker-certificate-renewed');
      } catch (thrown) {
        const error = EdgeError.from(thrown, 'EDGE_CONFIG');
        if (error.message !== this.#complaint) log.error('broker-certificate-unusable', { error });
        this.#complaint = error.message;
      }
    if (!this.#isClosed) onLook(isOther);
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer('mqtt tls', TLS_LIMITS.lookEveryMs, () => {
      void this.look().finally(() => this.#schedule());
    });
  }

  #accept(raw: Socket, server: TlsServer): void {
    const [oldest] = this.#strangers.values();
    if (this.#strangers.size >= TLS_LIMITS.strangers && oldest !== undefined) {
      this.counters.tlsGaveWay++;
      this.#strangers.delete(keyOf(oldest));
      oldest.destroy();
    }
    const key = keyOf(raw);
    this.#strangers.set(key, raw);
    raw.once('close', () => this.#strangers.delete(key));
    server.emit('connection', raw);
  }

  #secured(socket: TLSSocket): void {
    const shown = socket.getPeerX509Certificate();
    const key = keyOf(socket);
    this.#options.onConnection(socket, {
      ...(shown === undefined
        ? {}
        : { certificate: readClientCertificate(shown, this.#authorities) }),
      admitted: () => this.#strangers.delete(key),
    });
  }
}

/** Of both, the raw socket and what speaks TLS over it. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function contextOf({ certificate, key, authorities }: TlsMaterial) {
  return {
    cert: certificate,
    key,
    // Never the public authorities of Node, and the names that clients are told.
    ca: authorities.map(String),
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    // A resumed session would show no certificate to judge again.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  } as const;
}
