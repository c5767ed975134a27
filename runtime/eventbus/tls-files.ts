import { createPrivateKey, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readBoundedText } from '#journal/bounded-file.js';
import { EdgeError } from '#protocol/errors.js';
import { TLS_LIMITS } from './limits.js';

/** Files in PEM of the door with TLS; absolute paths. */
export interface TlsFiles {
  /** The broker's certificate, followed by those that lead to an authority its clients know. */
  readonly certificate: string;
  readonly key: string;
  /** Who certifies clients; absent: they come with passwords, or with certificates known one by one. */
  readonly clientAuthority?: string;
}

/** What they hold, fitting together. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly key: string;
  readonly authorities: readonly X509Certificate[];
}

/**
 * Reads them as they are now. Rejects with EDGE_CONFIG for what cannot be used, also in the moment
 * between the renewal of one file and of the other.
 */
export async function readTlsFiles(files: TlsFiles): Promise<TlsMaterial> {
  const [certificate, key, authority] = await Promise.all([
    readPem(files.certificate),
    readPem(files.key),
    files.clientAuthority === undefined ? '' : readPem(files.clientAuthority),
  ]);
  const [own] = certificatesIn(certificate, files.certificate);
  if (own === undefined || !isKeyOf(key, own))
    throw unusable(
      files.key,
      `is not the key of ${files.certificate}`,
      'Put the broker’s own certificate first, and its key without a passphrase.',
    );
  const authorities = certificatesIn(authority, files.clientAuthority ?? '');
  if (files.clientAuthority !== undefined && !authorities.some(({ ca }) => ca))
    throw unusable(
      files.clientAuthority,
      'holds no authority',
      'Name the certificate of the authority that certifies the clients.',
    );
  return { certificate, key, authorities };
}

/** Changes when any of the files does. */
export async function stampOf(files: TlsFiles): Promise<string> {
  const paths = [files.certificate, files.key, files.clientAuthority ?? ''];
  const stamps = paths.map(async (path) => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return '';
    }
  });
  return (await Promise.all(stamps)).join();
}

async function readPem(path: string): Promise<string> {
  try {
    return await readBoundedText(path, TLS_LIMITS.fileBytes);
  } catch (cause) {
    throw unusable(path, EdgeError.from(cause).message, 'Let the gateway’s user read it.', cause);
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]{1,65536}-----END CERTIFICATE-----/g;

function certificatesIn(pem: string, path: string): X509Certificate[] {
  const texts = (pem.match(CERTIFICATE) ?? []).slice(0, TLS_LIMITS.certificates);
  try {
    return texts.map((text) => new X509Certificate(text));
  } catch (cause) {
    throw unusable(path, 'has a certificate that cannot be read', 'Write PEM.', cause);
  }
}

function isKeyOf(key: string, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

function unusable(path: string, why: string, hint: string, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_CONFIG', `broker.tls: ${path} ${why}.`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
