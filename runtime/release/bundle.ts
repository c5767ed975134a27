import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { RELEASE_LIMITS } from './limits.js';
import { parseGrant, parseManifest, wrongBundle } from './manifest.js';
import type { Architecture, ReleaseFile, ReleaseManifest } from './manifest.js';
import { isSignedBy } from './signature.js';

/**
 * A release bundle: five lines of text, then the packed files (docs/release.md has the format).
 * `MAGIC`, the grant as JSON, its signature by the root key, the manifest as JSON, its signature by
 * the release key; signatures in base64.
 */
export const MAGIC = 'edgetwin-bundle 1';
const HEAD_LINES = [MAGIC.length, RELEASE_LIMITS.grantBytes, 88, RELEASE_LIMITS.manifestBytes, 88];
const NEWLINE = 0x0a;

/** What a bundle has to be for whoever looks at it. */
export interface BundlePolicy {
  /** Root keys, 32 bytes each. */
  readonly roots: readonly Uint8Array[];
  readonly product: string;
  /** Undefined: any. */
  readonly architecture: Architecture | undefined;
  /** The counter of what is installed: only a greater one passes. Undefined: any. */
  readonly newerThan: number | undefined;
  /** ms since 1970, as far as this machine knows. */
  readonly nowMs: number;
}

export interface Bundle {
  readonly manifest: ReleaseManifest;
  /** The clock stands before the bundle was made, so nothing is known of its expiry. */
  readonly clockBehind: boolean;
  /** Bytes before the packed files. */
  readonly headBytes: number;
}

/**
 * Judges a bundle without unpacking it: signatures first, then what they cover, then the hash of the
 * packed files. Rejects with EDGE_BUNDLE that says which of them failed.
 */
export async function openBundle(path: string, policy: BundlePolicy): Promise<Bundle> {
  const file = await open(path, 'r').catch((thrown: unknown) => {
    throw wrongBundle(`${path} cannot be opened`, 'Check the name of the file.', thrown);
  });
  try {
    const { lines, bytes: headBytes } = await readHead(file);
    const manifest = signedManifest(lines, policy);
    const clockBehind = judge(manifest, policy);
    await checkPacked(file, headBytes, manifest);
    return { manifest, clockBehind, headBytes };
  } finally {
    await file.close();
  }
}

/** The files of a bundle in pieces, in order, each whole and right when the next one begins. */
export function unpackBundle(
  path: string,
  { manifest, headBytes }: Bundle,
): AsyncGenerator<ReleasePiece> {
  return unpackFiles(createReadStream(path, { start: headBytes }), manifest.files);
}

export interface ReleasePiece {
  readonly file: ReleaseFile;
  readonly bytes: Buffer;
}

/** `source` gives the packed files; it is destroyed at the end. Rejects with EDGE_BUNDLE. */
export async function* unpackFiles(
  source: Readable,
  files: readonly ReleaseFile[],
): AsyncGenerator<ReleasePiece> {
  const unpacked = source.pipe(createGunzip());
  source.on('error', (error) => unpacked.destroy(error));
  try {
    const pieces = piecesOf(unpacked);
    for (const file of files) {
      const hash = createHash('sha256');
      if (file.size === 0) yield { file, bytes: Buffer.alloc(0) };
      for (let left = file.size; left > 0;) {
        const bytes = await pieces.take(left);
        hash.update(bytes);
        left -= bytes.length;
        yield { file, bytes };
      }
      if (hash.digest('hex') !== file.sha256) throw wrongBundle(`${file.path} is damaged`);
    }
    // Whoever signed more than the manifest tells is not asked how much.
    if (await pieces.more()) throw wrongBundle('it unpacks to more than its manifest says');
  } finally {
    source.destroy();
    unpacked.destroy();
  }
}

/** `openBundle`, and every file looked at. */
export async function verifyBundle(path: string, policy: BundlePolicy): Promise<Bundle> {
  const bundle = await openBundle(path, policy);
  const pieces = unpackBundle(path, bundle);
  while ((await pieces.next()).done !== true);
  return bundle;
}

async function readHead(file: FileHandle): Promise<{ lines: readonly Buffer[]; bytes: number }> {
  const most = HEAD_LINES.reduce((sum, length) => sum + length + 1, 0);
  const { size } = await file.stat();
  const head = Buffer.alloc(Math.min(size, most));
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  return headLines(head.subarray(0, bytesRead));
}

/** The five lines that a bundle begins with, and their bytes. Throws EDGE_BUNDLE. */
export function headLines(head: Buffer): { lines: readonly Buffer[]; bytes: number } {
  const lines: Buffer[] = [];
  let at = 0;
  for (const longest of HEAD_LINES) {
    const end = head.subarray(at, at + longest + 1).indexOf(NEWLINE);
    if (end < 0) throw wrongBundle(`line ${lines.length + 1} of it has more than ${longest} bytes`);
    lines.push(head.subarray(at, at + end));
    at += end + 1;
    if (lines.length === 1 && lines[0]?.toString('latin1') !== MAGIC)
      throw wrongBundle('it is no release bundle of a form that is known here');
  }
  return { lines, bytes: at };
}

function signedManifest(lines: readonly Buffer[], policy: BundlePolicy): ReleaseManifest {
  const [, grantBytes, grantMark, manifestBytes, manifestMark] = lines;
  if (!grantBytes || !grantMark || !manifestBytes || !manifestMark)
    throw wrongBundle('it ends too early');
  const byRoot = signatureOf(grantMark);
  if (!policy.roots.some((root) => isSignedBy(root, 'grant', grantBytes, byRoot)))
    throw wrongBundle(
      'its release key is not signed by a root key that is trusted here',
      'Fetch it again; if the root key was replaced, install the new one first.',
    );
  const grant = parseGrant(grantBytes);
  if (!isSignedBy(grant.key, 'manifest', manifestBytes, signatureOf(manifestMark)))
    throw wrongBundle('its manifest is not signed by its release key');
  const manifest = parseManifest(manifestBytes);
  if (grant.product !== manifest.product)
    throw wrongBundle(`its release key is for ${grant.product}, not for ${manifest.product}`);
  if (grant.expiresMs < Math.max(policy.nowMs, manifest.madeMs))
    throw wrongBundle(`its release key expired at ${new Date(grant.expiresMs).toISOString()}`);
  return manifest;
}

/** True when the clock cannot be right. */
function judge(manifest: ReleaseManifest, policy: BundlePolicy): boolean {
  const { product, architecture, counter, expiresMs } = manifest;
  const wanted = policy.architecture;
  if (product !== policy.product)
    throw wrongBundle(`it is of ${product}, not of ${policy.product}`, OTHER);
  if (wanted !== undefined && architecture !== 'any' && architecture !== wanted)
    throw wrongBundle(`it is for ${architecture}, this is ${wanted}`, OTHER);
  if (policy.newerThan !== undefined && counter <= policy.newerThan)
    throw wrongBundle(
      `its counter is ${counter}, and ${policy.newerThan} is installed`,
      'An older release is never installed over a newer one: fetch the newest.',
    );
  if (expiresMs < policy.nowMs)
    throw wrongBundle(
      `it expired at ${new Date(expiresMs).toISOString()}`,
      'Fetch the newest release; if this is the newest, check the clock.',
    );
  return policy.nowMs < manifest.madeMs;
}

const OTHER = 'Fetch the bundle for this product and processor.';

async function checkPacked(
  file: FileHandle,
  headBytes: number,
  { packed }: ReleaseManifest,
): Promise<void> {
  const { size } = await file.stat();
  if (size !== headBytes + packed.size)
    throw wrongBundle(`it has ${size} bytes and should have ${headBytes + packed.size}`);
  const hash = createHash('sha256');
  const source = file.createReadStream({ start: headBytes, autoClose: false });
  for await (const chunk of source) hash.update(chunk as Buffer);
  if (hash.digest('hex') !== packed.sha256) throw wrongBundle('its packed files are damaged');
}

function signatureOf(line: Buffer): Buffer {
  const text = line.toString('latin1');
  const signature = Buffer.from(text, 'base64');
  // One way to write each: the last letter has bits that say nothing.
  if (signature.toString('base64') !== text) throw wrongBundle('it has a signature that is none');
  return signature;
}

/** Cuts a stream where files end. */
function piecesOf(source: AsyncIterable<unknown>): {
  take: (most: number) => Promise<Buffer>;
  more: () => Promise<boolean>;
} {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let rest: Buffer = Buffer.alloc(0);
  const fill = async (): Promise<boolean> => {
    while (rest.length === 0) {
      const next = await chunks.next().catch((thrown: unknown) => {
        throw wrongBundle('its packed files cannot be unpacked', undefined, thrown);
      });
      if (next.done === true) return false;
      rest = next.value;
    }
    return true;
  };
  return {
    more: fill,
    take: async (most) => {
      if (!(await fill())) throw wrongBundle('it unpacks to less than its manifest says');
      const piece = rest.subarray(0, most);
      rest = rest.subarray(piece.length);
      return piece;
    },
  };
}
