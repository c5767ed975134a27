import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeBundle, sha256 } from './bundle-maker.js';
import type { Signer } from './bundle-maker.js';
import { readLockfile, ROOT } from './lockfile.js';
import { sbom } from './sbom.js';
import { gatewayTree, ownPackage } from './tree.js';

/** How long a release may be installed: two years after its commit. */
const LIFE_YEARS = 2;
const PROGRAMS = ['dist/runtime/main.js', 'dist/cloud/main.js'];
const SIGNED = ['arm', 'arm64', 'x64'] as const;

export interface ReleaseWish {
  /** Emptied first. */
  readonly out: string;
  /** Undefined: no bundles. */
  readonly signer: Signer | undefined;
  /** When the commit was made and how many there are before it: what every build of it agrees on. */
  readonly commit: { readonly made: string; readonly counter: number };
}

/**
 * Everything that is published of one release: the package, bundles for gateways, the SBOM, and
 * SHA256SUMS over them. Returns the names with their sums. The sources must have been built.
 */
export async function makeArtifacts(wish: ReleaseWish): Promise<ReadonlyMap<string, string>> {
  const { out, signer, commit } = wish;
  const { name, version } = ownPackage();
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });

  pack(out);
  const made = commit.made;
  writeFileSync(join(out, `${name}-${version}.cdx.json`), sbom(readLockfile(), version, made));
  if (signer !== undefined)
    for (const architecture of SIGNED) {
      const facts = { version, ...commit, architecture, expires: yearsAfter(made, LIFE_YEARS) };
      const bundle = makeBundle(await gatewayTree(architecture), facts, signer);
      writeFileSync(join(out, `${name}-${version}-${architecture}.bundle`), bundle);
    }

  const sums = readdirSync(out)
    .sort()
    .map((file): [string, string] => [file, sha256(readFileSync(join(out, file)))]);
  const lines = sums.map(([file, sum]) => `${sum}  ${file}\n`).join('');
  writeFileSync(join(out, 'SHA256SUMS'), lines);
  return new Map(sums);
}

/** Of the checkout's last commit; a shallow clone has not all of them to count. */
export function lastCommit(): ReleaseWish['commit'] {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
  if (git('rev-parse', '--is-shallow-repository') === 'true')
    throw new Error('a shallow clone cannot count its commits: git fetch --unshallow');
  const made = new Date(Number(git('log', '-1', '--format=%ct')) * 1000);
  return { made: seconds(made), counter: Number(git('rev-list', '--count', 'HEAD')) };
}

/** By npm, from a copy whose file modes do not come from this user's umask. */
function pack(out: string): void {
  const npm = (folder: string, ...args: string[]): string =>
    execFileSync('npm', ['pack', '--ignore-scripts', ...args], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const [listed] = JSON.parse(npm(ROOT, '--dry-run', '--json')) as { files: { path: string }[] }[];
  const staged = mkdtempSync(join(tmpdir(), 'edgetwin-pack-'));
  for (const { path } of listed?.files ?? []) {
    const file = join(staged, path);
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(join(ROOT, path), file);
    chmodSync(file, PROGRAMS.includes(path) ? 0o755 : 0o644);
  }
  npm(staged, '--pack-destination', out);
  rmSync(staged, { recursive: true });
}

function yearsAfter(time: string, years: number): string {
  const date = new Date(time);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return seconds(date);
}

const seconds = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`;
