import { once } from 'node:events';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { EdgeError } from '#protocol/errors.js';
import { certifiedHub, readCertificate, type CertifiedName } from '../certificates.js';
import type { HubAddress } from '../hub-address.js';
import { tlsKeyOf } from '../token-key.js';
import type { ConnectOptions, Identity } from '../transport.js';

/** Where the tunnel is on the hub's listener. */
export const TUNNEL_PATH = '/v1/tunnel';

export interface SecureSocket {
  readonly socket: TLSSocket;
  readonly hub: CertifiedName;
}

/**
 * Connects and judges the hub, before a byte of the application is sent. Verification by the TLS
 * library is switched off because it hides all errors behind a wrong clock; `certifiedHub` checks
 * chain, usage, name and time one by one instead. `nowMs` is milliseconds since 1970. The socket
 * is destroyed when `signal` aborts before the promise settles.
 */
export async function connectSecurely(
  address: HubAddress,
  { identity, signal }: Required<Pick<ConnectOptions, 'identity' | 'signal'>>,
  nowMs: number,
): Promise<SecureSocket> {
  const authorities = identity.authorities.map(readCertificate);
  // It is at least as late as our own certificate was made: a time floor that survives a reboot.
  const laterMs = Math.max(nowMs, Date.parse(readCertificate(identity.certificate).validFrom));
  const socket = dial(address, identity);
  try {
    await once(socket, 'secureConnect', { signal });
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined)
      throw new EdgeError('EDGE_CERTIFICATE', 'The hub showed no certificate.');
    const hub = certifiedHub(certificate, authorities, address.host, laterMs);
    return { socket, hub };
  } catch (cause) {
    socket.destroy();
    signal.throwIfAborted();
    if (cause instanceof EdgeError) throw cause;
    const where = `${address.host}:${address.port}`;
    throw new EdgeError('EDGE_CONNECTION', `No secure connection to ${where}.`, { cause });
  }
}

function dial({ host, port }: HubAddress, { key, certificate }: Identity): TLSSocket {
  try {
    const socket = connect({
      host,
      port,
      ...(isIP(host) > 0 ? {} : { servername: host }),
      ...tlsKeyOf(key),
      cert: certificate,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: false,
    });
    // Whoever owns the socket later adds his own; an error must never be without a listener.
    return socket.on('error', () => undefined);
  } catch (cause) {
    throw new EdgeError('EDGE_CERTIFICATE', 'This node’s key or certificate cannot be used.', {
      cause,
      hint: 'Join again with a new token.',
    });
  }
}
