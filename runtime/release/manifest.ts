import { EdgeError } from '#protocol/errors.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import { RELEASE_LIMITS } from './limits.js';

/** Processors that a bundle may be for, by Node's names; `any` has no machine code in it. */
export const ARCHITECTURES = ['arm', 'arm64', 'x64', 'any'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** What the offline root key signs: this key may sign releases of this product until then. */
export interface ReleaseGrant {
  readonly product: string;
  /** The release key: 32 bytes of Ed25519. */
  readonly key: Uint8Array;
  /** ms since 1970. */
  readonly expiresMs: number;
}

/** One file of a bundle. There are no other kinds of entries. */
export interface ReleaseFile {
  /** Relative, `/` between names of letters, digits and `@+._-`; never `.` or `..`. */
  readonly path: string;
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly executable: boolean;
}

/** What the release key signs. */
export interface ReleaseManifest {
  readonly product: string;
  /** For people; `counter` orders releases. */
  readonly version: string;
  /** Grows with every release: an older one is never taken for an update. */
  readonly counter: number;
  readonly architecture: Architecture;
  readonly madeMs: number;
  /** After this nobody should begin to install it. */
  readonly expiresMs: number;
  /** The files one after the other in the order of `files`, by gzip. */
  readonly packed: { readonly size: number; readonly sha256: string };
  readonly files: readonly ReleaseFile[];
}

type Document = Readonly<Record<string, unknown>>;

/** Throws EDGE_BUNDLE. Its bytes are trusted for nothing before their signature is checked. */
export function parseGrant(bytes: Uint8Array): ReleaseGrant {
  const grant = documentOf(bytes, RELEASE_LIMITS.grantBytes, 'grant', GRANT_KEYS);
  const key = Buffer.from(textOf(grant, 'key', /^[A-Za-z0-9+/]{43}=$/), 'base64');
  return { product: productOf(grant), key, expiresMs: timeOf(grant, 'expires') };
}

/** Throws EDGE_BUNDLE. */
export function parseManifest(bytes: Uint8Array): ReleaseManifest {
  const manifest = documentOf(bytes, RELEASE_LIMITS.manifestBytes, 'manifest', MANIFEST_KEYS);
  const packed = asDocument(manifest['packed'], 'packed', ['size', 'sha256']);
  return {
    product: productOf(manifest),
    version: textOf(manifest, 'version', /^\d{1,6}\.\d{1,6}\.\d{1,6}(-[a-z0-9.]{1,32})?$/),
    counter: countOf(manifest, 'counter', Number.MAX_SAFE_INTEGER),
    architecture: architectureOf(manifest['architecture']),
    madeMs: timeOf(manifest, 'made'),
    expiresMs: timeOf(manifest, 'expires'),
    packed: {
      size: countOf(packed, 'size', RELEASE_LIMITS.packedBytes),
      sha256: textOf(packed, 'sha256', SHA256),
    },
    files: filesOf(manifest['files']),
  };
}

const GRANT_KEYS = ['product', 'key', 'expires'];
const MANIFEST_KEYS = [
  ...['product', 'version', 'counter', 'architecture'],
  ...['made', 'expires', 'packed', 'files'],
];
const FILE_KEYS = ['path', 'size', 'sha256', 'executable'];
const SHA256 = /^[0-9a-f]{64}$/;
const PATH = /^[A-Za-z0-9@+._-]+(\/[A-Za-z0-9@+._-]+)*$/;

export function wrongBundle(message: string, hint?: string, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_BUNDLE', message, {
    hint: hint ?? 'Fetch the bundle again from where it is published; do not install this one.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function documentOf(
  bytes: Uint8Array,
  bytesMax: number,
  what: string,
  keys: readonly string[],
): Document {
  try {
    return asDocument(parseOutsideJson(bytes, bytesMax), what, keys);
  } catch (thrown) {
    const error = EdgeError.from(thrown);
    if (error.code === 'EDGE_BUNDLE') throw error;
    throw wrongBundle(`its ${what} cannot be read: ${error.message}`, undefined, thrown);
  }
}

/** Exactly these keys: what a reader does not know it would not check. */
function asDocument(value: unknown, what: string, keys: readonly string[]): Document {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrongBundle(`its ${what} is no object`);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined)
    throw wrongBundle(`its ${what} has a field that is not known: ${unknown.slice(0, 40)}`);
  return value as Document;
}

function filesOf(value: unknown): readonly ReleaseFile[] {
  if (!Array.isArray(value)) throw wrongBundle('its manifest has no list of files');
  if (value.length > RELEASE_LIMITS.files)
    throw wrongBundle(`it has ${value.length} files, at most ${RELEASE_LIMITS.files}`);
  const files = value.map((item: unknown): ReleaseFile => {
    const file = asDocument(item, 'list of files', FILE_KEYS);
    const { executable } = file;
    if (typeof executable !== 'boolean') throw wrongBundle('a file does not say `executable`');
    return {
      path: pathOf(file['path']),
      size: countOf(file, 'size', RELEASE_LIMITS.unpackedBytes),
      sha256: textOf(file, 'sha256', SHA256),
      executable,
    };
  });
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > RELEASE_LIMITS.unpackedBytes)
    throw wrongBundle(`unpacked it has ${total} bytes, at most ${RELEASE_LIMITS.unpackedBytes}`);
  refuseOverlap(files);
  return files;
}

/** Two files of one name, also on disks that do not tell `A` from `a`; a file that is a folder too. */
function refuseOverlap(files: readonly ReleaseFile[]): void {
  const names = new Set<string>();
  for (const { path } of files) {
    const name = path.toLowerCase();
    if (names.has(name)) throw wrongBundle(`it has the file ${path} twice`);
    names.add(name);
  }
  for (const { path } of files)
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1))
      if (names.has(path.slice(0, end).toLowerCase()))
        throw wrongBundle(`${path.slice(0, end)} is a file and a folder of it`);
}

function pathOf(value: unknown): string {
  const isSound =
    typeof value === 'string' &&
    value.length <= RELEASE_LIMITS.pathLength &&
    PATH.test(value) &&
    value.split('/').every((name) => name !== '.' && name !== '..');
  if (!isSound)
    throw wrongBundle(`it has a file with a path that leads elsewhere: ${shown(value)}`);
  return value;
}

function architectureOf(value: unknown): Architecture {
  const known = ARCHITECTURES.find((one) => one === value);
  if (known === undefined)
    throw wrongBundle(
      `its architecture is ${shown(value)}, not one of ${ARCHITECTURES.join(', ')}`,
    );
  return known;
}

const productOf = (document: Document): string => textOf(document, 'product', /^[a-z0-9-]{1,64}$/);

function textOf(document: Document, key: string, form: RegExp): string {
  const value = document[key];
  if (typeof value !== 'string' || !form.test(value))
    throw wrongBundle(`its ${key} is ${shown(value)}`);
  return value;
}

function countOf(document: Document, key: string, max: number): number {
  const value = document[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max)
    throw wrongBundle(`its ${key} is ${shown(value)}, not a whole number up to ${max}`);
  return value;
}

/** `2026-01-31T12:00:00Z`. */
function timeOf(document: Document, key: string): number {
  const ms = Date.parse(textOf(document, key, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/));
  if (Number.isNaN(ms)) throw wrongBundle(`its ${key} is no time`);
  return ms;
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 60);
}
