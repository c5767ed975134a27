import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The checkout's root: from `dist/hardware-tests/release` as from the sources. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** One package of package-lock.json, as npm's lockfile v3 has it. */
export interface LockedPackage {
  /** `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** `sha512-` and base64. */
  readonly integrity: string;
  readonly license: string;
  /** Only for building and testing: not installed with the product. */
  readonly isDevelopment: boolean;
  readonly hasInstallScript: boolean;
  /** Paths of the packages that it finds when it asks for its dependencies. */
  readonly dependsOn: readonly string[];
}

export interface Lockfile {
  readonly lockfileVersion: number;
  /** Of this product itself. */
  readonly root: LockedPackage;
  readonly packages: readonly LockedPackage[];
}

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export function readLockfile(root = ROOT): Lockfile {
  const document = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')) as {
    readonly name: string;
    readonly lockfileVersion: number;
    readonly packages: Readonly<Record<string, Entry>>;
  };
  const entries = document.packages;
  const locked = Object.entries(entries).map(([path, entry]): LockedPackage => ({
    path,
    name: path === '' ? document.name : path.slice(path.lastIndexOf(NODE_MODULES) + 13),
    version: entry.version ?? '',
    integrity: entry.integrity ?? '',
    license: entry.license ?? '',
    isDevelopment: entry.dev === true || entry.devOptional === true,
    hasInstallScript: entry.hasInstallScript === true,
    dependsOn: Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .map((name) => resolveFrom(entries, path, name))
      .filter((found) => found !== undefined)
      .sort(),
  }));
  const [root0, ...packages] = locked;
  if (root0?.path !== '') throw new Error('package-lock.json does not begin with the product');
  return { lockfileVersion: document.lockfileVersion, root: root0, packages };
}

/** What is installed with the product. */
export function production(lockfile: Lockfile): readonly LockedPackage[] {
  return lockfile.packages.filter(({ isDevelopment }) => !isDevelopment);
}

/** Of `path` and all that it needs, by path. */
export function closure(lockfile: Lockfile, path: string): readonly LockedPackage[] {
  const byPath = new Map(lockfile.packages.map((one) => [one.path, one]));
  const found = new Map<string, LockedPackage>();
  const visit = (at: string): void => {
    const one = byPath.get(at);
    if (one === undefined || found.has(at)) return;
    found.set(at, one);
    one.dependsOn.forEach(visit);
  };
  visit(path);
  return [...found.values()];
}

const NODE_MODULES = 'node_modules/';

/** As Node looks for it: in the package's own folder, then in those around it. */
function resolveFrom(
  entries: Readonly<Record<string, Entry>>,
  from: string,
  name: string,
): string | undefined {
  for (let at = from; ; at = parentOf(at)) {
    const path = `${at === '' ? '' : `${at}/`}${NODE_MODULES}${name}`;
    if (path in entries) return path;
    if (at === '') return undefined;
  }
}

/** `node_modules/a` of `node_modules/a/node_modules/b`; empty at the top. */
function parentOf(path: string): string {
  const end = path.lastIndexOf(`/${NODE_MODULES}`);
  return end < 0 ? '' : path.slice(0, end);
}
