import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { MAGIC } from '#runtime/release/bundle.js';
import type { Architecture } from '#runtime/release/manifest.js';
import { signatureText } from './keys.js';

/** A file as it is after installing. */
export interface TreeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

export interface ReleaseFacts {
  readonly version: string;
  readonly counter: number;
  readonly architecture: Architecture;
  /** `2026-01-31T12:00:00Z`. */
  readonly made: string;
  readonly expires: string;
}

/** What a release key signs with: the two lines of its grant, and the key itself. */
export interface Signer {
  readonly grant: string;
  readonly key: KeyObject;
}

/** One bundle. The same files, facts and keys give the same bytes: Ed25519 is deterministic. */
export function makeBundle(
  files: readonly TreeFile[],
  facts: ReleaseFacts,
  signer: Signer,
): Buffer {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const packed = gzipSync(Buffer.concat(sorted.map(({ bytes }) => bytes)), { level: 9 });
  const manifest = {
    product: 'edgetwin',
    ...facts,
    packed: { size: packed.length, sha256: sha256(packed) },
    files: sorted.map(({ path, bytes, executable }) => ({
      ...{ path, size: bytes.length, sha256: sha256(bytes), executable },
    })),
  };
  return sealBundle(JSON.stringify(manifest), packed, signer);
}

/** Any text as the manifest: tests seal what no release would say. */
export function sealBundle(manifest: string, packed: Uint8Array, signer: Signer): Buffer {
  const mark = signatureText(signer.key, 'manifest', manifest);
  const head = `${MAGIC}\n${signer.grant}${manifest}\n${mark}\n`;
  return Buffer.concat([Buffer.from(head), packed]);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
