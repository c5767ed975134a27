import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { EdgeError } from '#protocol/errors.js';
import { certifiedNode } from './certificates.js';
import type { Peer } from './transport.js';

/** What a connection, or a trusted proxy for one of its own, shows of who it is. */
export interface Shown {
  readonly certificate: X509Certificate | undefined;
  /** Why the certificate counts for nothing, by the time or its chain; undefined: it counts. */
  readonly fault: unknown;
  /** `host:port`, for people. */
  readonly address: string;
  /** Set when a trusted proxy says so. */
  readonly isForwarded?: boolean;
}

/** The fault of a certificate that is over: OpenSSL's name of it. */
export const EXPIRED = 'CERT_HAS_EXPIRED';

/** What the other end of a socket proved in its handshake. The TLS library judged chain and time. */
export function shownBy(socket: TLSSocket): Shown {
  const certificate = socket.getPeerX509Certificate();
  const verdict: unknown = socket.authorizationError;
  const fault = socket.authorized ? undefined : (verdict ?? 'unknown');
  return { certificate, fault, address: addressOf(socket) };
}

/**
 * The one place that decides whose connection this is. The listener completes TLS handshakes with
 * anybody, because joiners have no certificate yet; so every use of a connection as a node must
 * come through here. Chain and usage are checked again, so that a slip in the settings of the TLS
 * library opens no door. Throws EDGE_UNAUTHENTICATED.
 */
export function admittedNode(shown: Shown, authorities: readonly X509Certificate[]): Peer {
  const { certificate, fault, address } = shown;
  if (certificate === undefined)
    throw new EdgeError('EDGE_UNAUTHENTICATED', 'No client certificate was shown.');
  if (fault !== undefined)
    throw new EdgeError('EDGE_UNAUTHENTICATED', 'The client certificate is not valid.', {
      cause: fault,
    });
  return { ...certifiedNode(certificate, authorities), address };
}

/**
 * The node whose certificate was shown and whose key was proved, lapsed or not; undefined for
 * everybody else. Only for requests about certificates themselves.
 */
export function certificateHolder(
  { certificate, fault, address }: Shown,
  authorities: readonly X509Certificate[],
): Peer | undefined {
  if (certificate === undefined) return undefined;
  if (fault !== undefined && fault !== EXPIRED) return undefined;
  try {
    // The library names one error and an expiry hides the others: these are checked here.
    return { ...certifiedNode(certificate, authorities), address };
  } catch {
    return undefined;
  }
}

export function addressOf(socket: TLSSocket): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
}
