import type { Cipher } from '../crypto/packet-keys.js';
import type { EdgeError } from '#protocol/errors.js';
import type { CertifiedName } from '../../certificates.js';

/** What a finished handshake gives. */
export interface HandshakeResult {
  /** The same 32 bytes at both ends, and nowhere else (RFC 5705). */
  readonly secret: Uint8Array;
  readonly cipher: Cipher;
  /** The authenticated other end, or why it is refused. */
  readonly peer: CertifiedName | EdgeError;
}

export interface HandshakeEvents {
  /** Bytes for the other end, in order. */
  write(bytes: Uint8Array): void;
  /** Once, unless `failed`. Bytes may still follow. */
  done(result: HandshakeResult): void;
  failed(error: EdgeError): void;
  /** What the secret is bound to: both connection ids. Asked when it is made. */
  context(): Uint8Array;
}

/** Whatever authenticates both ends over a stream of bytes: TLS, or a fake of it. */
export interface HandshakePort {
  read(bytes: Uint8Array): void;
  /** Frees everything. Idempotent; no event comes after it. */
  destroy(): void;
}

export type OpenHandshake = (events: HandshakeEvents) => HandshakePort;
