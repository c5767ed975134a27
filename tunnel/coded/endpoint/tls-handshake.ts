import { constants, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { EdgeError } from '#protocol/errors.js';
import { admittedNode, shownBy } from '../../admission.js';
import { certifiedHub, readCertificate, type CertifiedName } from '../../certificates.js';
import type { Identity } from '../../transport.js';
import { tlsKeyOf } from '../../token-key.js';
import { SECRET_BYTES, type Cipher } from '../crypto/packet-keys.js';
import type {
  HandshakeEvents,
  HandshakePort,
  HandshakeResult,
  OpenHandshake,
} from './handshake-port.js';

const LABEL = 'EXPORTER-edgetwin-tunnel';
const AES_FIRST = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256';
/** Most small ARM boards have no AES instructions. */
const CIPHERS = process.arch.startsWith('arm')
  ? 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256'
  : AES_FIRST;

/** The hub's side. It completes with anybody and says who it is; nobody is let in by TLS alone. */
export function serverHandshake(
  identity: Pick<Identity, 'key' | 'certificate'>,
  authorityPems: readonly string[],
  authorities: readonly X509Certificate[],
): OpenHandshake {
  return (events) => {
    // A server of its own for each, never listening: it alone judges certificates (a bare
    // TLSSocket says nothing of them), and it does not say whose socket a finished one is.
    const server = createServer({
      key: identity.key,
      cert: identity.certificate,
      ca: [...authorityPems],
      minVersion: 'TLSv1.3',
      ciphers: AES_FIRST,
      requestCert: true,
      rejectUnauthorized: false,
      // A resumed session would skip the judgement of a certificate.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
    const wire = new HandshakeWire(events);
    server.on('tlsClientError', (cause) => wire.fail('EDGE_UNAUTHENTICATED', cause));
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined);
      wire.finish(socket, () => {
        const { name, fingerprint, serial } = admittedNode(shownBy(socket), authorities);
        return { name, fingerprint, serial };
      });
    });
    server.emit('connection', wire.duplex);
    return wire;
  };
}

/**
 * The node's side. Verification by the TLS library is off because it hides all errors behind a
 * wrong clock: `certifiedHub` checks one by one, before anything that proves this node leaves.
 * `nowMs` is milliseconds since 1970. Throws EDGE_CERTIFICATE for an identity of no use.
 */
export function clientHandshake(identity: Identity, host: string, nowMs: number): OpenHandshake {
  const authorities = identity.authorities.map(readCertificate);
  const laterMs = Math.max(nowMs, Date.parse(readCertificate(identity.certificate).validFrom));
  return (events) => {
    const wire = new HandshakeWire(events);
    let socket: TLSSocket;
    try {
      socket = connect({
        socket: wire.duplex,
        ...(isIP(host) > 0 ? {} : { servername: host }),
        ...tlsKeyOf(identity.key),
        cert: identity.certificate,
        minVersion: 'TLSv1.3',
        ciphers: CIPHERS,
        rejectUnauthorized: false,
      });
    } catch (cause) {
      throw new EdgeError('EDGE_CERTIFICATE', 'This node’s key or certificate cannot be used.', {
        cause,
        hint: 'Join again with a new token.',
      });
    }
    socket.on('error', (cause) => wire.fail('EDGE_CONNECTION', cause));
    socket.on('secureConnect', () =>
      wire.finish(socket, () => {
        const certificate = socket.getPeerX509Certificate();
        if (certificate === undefined)
          throw new EdgeError('EDGE_CERTIFICATE', 'The hub showed no certificate.');
        return certifiedHub(certificate, authorities, host, laterMs);
      }),
    );
    return wire;
  };
}

/** TLS over the tunnel's own handshake stream: records out, records in, one verdict. */
class HandshakeWire implements HandshakePort {
  readonly duplex: Duplex;
  readonly #events: HandshakeEvents;
  #socket: TLSSocket | undefined;
  #isOpen = true;

  constructor(events: HandshakeEvents) {
    this.#events = events;
    this.duplex = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        if (this.#isOpen) events.write(chunk);
        done();
      },
    });
    this.duplex.on('error', () => undefined);
  }

  read(bytes: Uint8Array): void {
    if (this.#isOpen) this.duplex.push(bytes);
  }

  finish(socket: TLSSocket, judge: () => CertifiedName): void {
    if (!this.#isOpen) return;
    this.#socket = socket;
    const context = Buffer.from(this.#events.context());
    const secret = new Uint8Array(socket.exportKeyingMaterial(SECRET_BYTES, LABEL, context));
    this.#events.done({ secret, cipher: cipherOf(socket), peer: verdict(judge) });
  }

  fail(code: 'EDGE_CONNECTION' | 'EDGE_UNAUTHENTICATED', cause: unknown): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#events.failed(new EdgeError(code, 'The handshake failed.', { cause }));
  }

  destroy(): void {
    this.#isOpen = false;
    this.#socket?.destroy();
    this.duplex.destroy();
  }
}

function cipherOf(socket: TLSSocket): Cipher {
  return socket.getCipher().standardName.includes('CHACHA20') ? 'chacha20-poly1305' : 'aes-128-gcm';
}

function verdict(judge: () => CertifiedName): HandshakeResult['peer'] {
  try {
    return judge();
  } catch (thrown) {
    return EdgeError.from(thrown);
  }
}
