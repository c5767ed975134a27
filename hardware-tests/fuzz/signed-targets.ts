import { createHash, X509Certificate } from 'node:crypto';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { EdgeError } from '#protocol/errors.js';
import { readRequest } from '#cloud/enrolment/certificate-maker.js';
import { GREEDY_EXTENSIONS, testRequest } from '#cloud/enrolment/test-requests.js';
import { headLines, MAGIC, unpackFiles } from '#runtime/release/bundle.js';
import { parseGrant, parseManifest } from '#runtime/release/manifest.js';
import { certifiedNode } from '#tunnel/transport.js';
import { TestAuthority } from '#tunnel/test-authority.js';
import type { FuzzTarget } from './fuzzer.js';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const MARK = `${'A'.repeat(86)}==`;
const ZEROS = Buffer.alloc(1024 * 1024);

/** A bundle as a release key would sign it, of files that unpack as the manifest says or not. */
function bundleOf(contents: readonly Buffer[], packed: Buffer): Buffer {
  const expires = '2027-01-01T00:00:00Z';
  const grant = { product: 'edgetwin', key: `${'A'.repeat(43)}=`, expires };
  const manifest = {
    ...{ product: 'edgetwin', version: '1.2.3', counter: 7, architecture: 'any' },
    ...{ made: '2026-01-01T00:00:00Z', expires },
    packed: { size: packed.length, sha256: sha256(packed) },
    files: contents.map((bytes, index) => ({
      ...{ path: `a/${index}`, size: bytes.length, sha256: sha256(bytes), executable: false },
    })),
  };
  const lines = [MAGIC, JSON.stringify(grant), MARK, JSON.stringify(manifest), MARK, ''];
  return Buffer.concat([Buffer.from(lines.join('\n')), packed]);
}

const FILES = ['one', 'another'.repeat(20), ''].map((text) => Buffer.from(text));

/** Behind the signatures: what a thief of a release key, or a damaged card, could give. */
const bundles: FuzzTarget = {
  name: 'release bundles with their packed files',
  share: 0.3,
  rows: 'J55, CVE-2026-62369',
  corpus: [
    bundleOf(FILES, gzipSync(Buffer.concat(FILES))),
    bundleOf(FILES, gzipSync(Buffer.concat([...FILES, ZEROS]))),
    bundleOf([], gzipSync(Buffer.alloc(0))),
  ],
  fuzz: async (data) => {
    const { lines, bytes } = headLines(data);
    const [, grant = data, , manifest = data] = lines;
    parseGrant(grant);
    const { files } = parseManifest(manifest);
    const pieces = unpackFiles(Readable.from([data.subarray(bytes)]), files);
    while ((await pieces.next()).done !== true);
  },
};

const authority = new TestAuthority();
const authorities = [new X509Certificate(authority.certificate)];
const certificates = [authority.node('gw-1'), authority.hub()].map(
  ({ certificate }) => certificate,
);
const requests = [testRequest(), testRequest({ extensions: GREEDY_EXTENSIONS })];

/** Certificates as a trusted proxy forwards them, and what a handshake hands over. */
const shown: FuzzTarget = {
  name: 'certificates in DER',
  rows: 'CVE-2022-31075, GM-TLS',
  corpus: [...certificates, authority.certificate].map((pem) => new X509Certificate(pem).raw),
  fuzz: (data) => {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(data);
    } catch (cause) {
      throw new EdgeError('EDGE_CERTIFICATE', 'no certificate at all', { cause });
    }
    try {
      return certifiedNode(certificate, authorities).name !== '';
    } catch (thrown) {
      // Parsed and judged: as deep as it goes.
      if (thrown instanceof EdgeError && thrown.code === 'EDGE_UNAUTHENTICATED') return true;
      throw thrown;
    }
  },
};

/** One in so many signatures is verified as well: that is arithmetic, and ten times the parsing. */
const VERIFIED = 32;

const asked: FuzzTarget = {
  name: 'certification requests in DER',
  share: 0.1,
  rows: 'E35, CVE-2022-31075',
  corpus: requests,
  fuzz: async (data) => {
    const { own, isOwn } = await readRequest(data);
    if (data.reduce((sum, byte) => sum + byte, 0) % VERIFIED === 0) await isOwn();
    return own.length > 0;
  },
};

export const SIGNED_TARGETS: readonly FuzzTarget[] = [bundles, shown, asked];
