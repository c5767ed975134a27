import { readFile } from 'node:fs/promises';
import { EdgeError } from '#protocol/errors.js';
import { belongTogether } from './keys.js';

/** Files of a key and of a chain that another authority certified. PEM. */
export interface SuppliedFiles {
  readonly key: string;
  readonly certificate: string;
}

/** Bytes of such a file: an RSA key of 16,384 bits and a long chain are less. */
const FILE_BYTES = 64 * 1024;

/**
 * Both as they are now. Rejects with EDGE_CONFIG for what cannot be read, EDGE_CERTIFICATE for what
 * does not fit together, as in the moment between the renewal of one file and of the other.
 */
export async function readSupplied(files: SuppliedFiles): Promise<SuppliedFiles> {
  const [key, certificate] = await Promise.all([files.key, files.certificate].map(readPem));
  if (key === undefined || certificate === undefined || !belongTogether(certificate, key))
    throw new EdgeError(
      'EDGE_CERTIFICATE',
      `${files.key} is not the key of ${files.certificate}.`,
      {
        remote: false,
        hint: 'Name the chain with the hub’s own certificate first, and its key without a passphrase.',
      },
    );
  return { key, certificate };
}

async function readPem(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length <= FILE_BYTES) return bytes.toString('latin1');
  } catch (cause) {
    throw new EdgeError('EDGE_CONFIG', `${path} cannot be read.`, {
      cause,
      hint: 'Let the user of the hub read it.',
    });
  }
  throw new EdgeError('EDGE_CONFIG', `${path} is no PEM file: it is too long.`);
}
