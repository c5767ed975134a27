import { createHash } from 'node:crypto';
import { production } from './lockfile.js';
import type { LockedPackage, Lockfile } from './lockfile.js';

/** Each entry of an SBOM that others look at. */
export interface SbomComponent {
  readonly type: 'library' | 'application';
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[];
  readonly licenses: readonly ({ readonly expression: string } | LicenseId)[];
  readonly purl: string;
}
interface LicenseId {
  readonly license: { readonly id: string };
}

/**
 * What the product is made of, as CycloneDX 1.6 in JSON (ECMA-424): the packages that are installed
 * with it, from package-lock.json, with their hashes, licences and dependencies. The same lockfile
 * and time give the same bytes.
 */
export function sbom(lockfile: Lockfile, version: string, made: string): string {
  const product = { ...lockfile.root, version, license: lockfile.root.license };
  const packages = production(lockfile);
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: made,
      lifecycles: [{ phase: 'build' }],
      component: componentOf(product, 'application'),
    },
    components: packages.map((one) => componentOf(one, 'library')),
    dependencies: [product, ...packages].map((one) => ({
      ref: refOf(one),
      dependsOn: one.dependsOn
        .flatMap((path) => packages.filter((other) => other.path === path))
        .map(refOf),
    })),
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(document))}`;
  return `${JSON.stringify({ ...document, serialNumber }, undefined, 2)}\n`;
}

function componentOf(one: LockedPackage, type: SbomComponent['type']): SbomComponent {
  const [first = '', second] = one.name.split('/');
  return {
    type,
    'bom-ref': refOf(one),
    ...(second === undefined ? { name: first } : { group: first, name: second }),
    version: one.version,
    ...(one.integrity === '' ? {} : { hashes: [hashOf(one.integrity)] }),
    licenses: [
      one.license.includes(' ') ? { expression: one.license } : { license: { id: one.license } },
    ],
    purl: purlOf(one),
  };
}

/** A package may stand twice, in two versions or in two folders: its place tells them apart. */
function refOf(one: LockedPackage): string {
  return one.path === '' ? purlOf(one) : `${purlOf(one)}#${one.path}`;
}

/** https://github.com/package-url/purl-spec, type npm. */
function purlOf({ name, version }: LockedPackage): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function hashOf(integrity: string): { alg: 'SHA-512'; content: string } {
  const [algorithm, base64 = ''] = integrity.split('-');
  if (algorithm !== 'sha512') throw new Error(`a package is locked by ${algorithm}, not by sha512`);
  return { alg: 'SHA-512', content: Buffer.from(base64, 'base64').toString('hex') };
}

/** RFC 9562 section 5.8: of the content alone. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = ((parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    ...[hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`],
    ...[`${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)],
  ].join('-');
}
