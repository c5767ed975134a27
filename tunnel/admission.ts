import type { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { EdgeError } from '#protocol/errors.js';
import type { Socket } from 'node:net';
import { certifiedNode } from './certificates.js';
import type { Peer } from './transport.js';

/**
 * The one place that decides whose connection this is. The listener completes TLS handshakes with
 * anybody, because joiners have no certificate yet; so every use of a connection as a node must
 * come through here. The TLS library has judged chain, time and purpose (`authorized`); chain and
 * usage are checked again, so that a slip in its settings opens no door. Throws EDGE_UNAUTHENTICATED.
 */
export function admittedNode(socket: TLSSocket, authorities: readonly X509Certificate[]): Peer {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined)
    throw new EdgeError('EDGE_UNAUTHENTICATED', 'No client certificate was shown.');
  if (!socket.authorized)
    throw new EdgeError('EDGE_UNAUTHENTICATED', 'The client certificate is not valid.', {
      cause: socket.authorizationError,
    });
  return { ...certifiedNode(certificate, authorities), address: addressOf(socket) };
}

/**
 * The node whose certificate was shown and whose key was proved in the handshake, lapsed or not;
 * undefined for everybody else. Only for requests about certificates themselves.
 */
export function certificateHolder(
  socket: Socket,
  authorities: readonly X509Certificate[],
): Peer | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const verdict: unknown = socket.authorizationError;
  if (!socket.authorized && verdict !== 'CERT_HAS_EXPIRED') return undefined;
  try {
    // The library names one error and an expiry hides the others: these are checked here.
    return { ...certifiedNode(certificate, authorities), address: addressOf(socket) };
  } catch {
    return undefined;
  }
}

export function addressOf(socket: TLSSocket): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
}
