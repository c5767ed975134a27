import { X509Certificate, createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { EdgeError } from '#protocol/errors.js';
import { EXPIRED, shownBy, type Shown } from './admission.js';
import type { TrustedProxy } from './trusted-proxy.js';

/** Characters of the header: a node's certificate has 1,200 when it is percent-encoded. */
const HEADER_CHARS = 6 * 1024;

/**
 * Tells what a request shows of who it is where proxies are trusted. The header counts on a
 * connection whose handshake proved a proxy's key, and has to hold the node's whole certificate:
 * that is judged here as every other. What a proxy is trusted with is only that it saw the proof
 * of the node's key.
 */
export class TrustedProxies {
  readonly #proxies: readonly TrustedProxy[];

  constructor(proxies: readonly TrustedProxy[]) {
    this.#proxies = proxies;
  }

  /**
   * `nowMs` is milliseconds since 1970. Throws EDGE_FORBIDDEN for a header from anybody else, and
   * for one of a proxy that is not exactly one certificate.
   */
  shownBy(
    { rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>,
    socket: TLSSocket,
    nowMs: number,
  ): Shown {
    const own = shownBy(socket);
    if (this.#proxies.length === 0) return own;
    const proxy = this.#proxyOf(own, nowMs);
    if (proxy === undefined) {
      for (const { header } of this.#proxies)
        if (valuesOf(rawHeaders, header).length > 0)
          throw refusal(`${header} came from somebody who is no trusted proxy`);
      return own;
    }
    const [value, ...more] = valuesOf(rawHeaders, proxy.header);
    if (more.length > 0) throw refusal(`${proxy.header} came ${more.length + 1} times`);
    const certificate =
      value === undefined || value === '' ? undefined : certificateIn(value, proxy.header);
    const fault = certificate && faultOf(certificate, nowMs);
    return { certificate, fault, address: own.address, isForwarded: true };
  }

  #proxyOf({ certificate }: Shown, nowMs: number): TrustedProxy | undefined {
    if (certificate === undefined) return undefined;
    const shown = createHash('sha256').update(certificate.raw).digest('hex');
    const proxy = this.#proxies.find(({ fingerprint }) => fingerprint === shown);
    return faultOf(certificate, nowMs) === undefined ? proxy : undefined;
  }
}

/** The node's certificate: PEM that is percent-encoded, or RFC 9440's base64 between colons. */
function certificateIn(value: string, header: string): X509Certificate {
  if (value.length > HEADER_CHARS)
    throw refusal(`${header} has more than ${HEADER_CHARS} characters`);
  const der = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value)?.[1];
  try {
    return new X509Certificate(
      der === undefined ? decodeURIComponent(value) : Buffer.from(der, 'base64'),
    );
  } catch (cause) {
    throw refusal(`${header} holds no certificate`, cause);
  }
}

/** Names of headers are compared without case; a header that came twice is here twice. */
function valuesOf(rawHeaders: readonly string[], header: string): readonly string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === header,
  );
}

/** What the TLS library would say of the time. */
function faultOf({ validFrom, validTo }: X509Certificate, nowMs: number): string | undefined {
  if (!(Date.parse(validFrom) <= nowMs)) return 'CERT_NOT_YET_VALID';
  return nowMs <= Date.parse(validTo) ? undefined : EXPIRED;
}

function refusal(why: string, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_FORBIDDEN', `${why}.`, {
    cause,
    hint: 'Set the header in the proxy only, and name the proxy’s certificate with --trusted-proxy.',
  });
}
