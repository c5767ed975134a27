import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ALLOWED_LICENCES, licencesPage, notices } from './licences.js';
import { production, readLockfile, ROOT } from './lockfile.js';
import { sbom } from './sbom.js';
import type { SbomComponent } from './sbom.js';

const lockfile = readLockfile();
const installed = production(lockfile);

test('I53: every package is locked by a SHA-512, and the lockfile is for what package.json asks', (t) => {
  t.is(lockfile.lockfileVersion, 3);
  for (const { path, integrity } of lockfile.packages)
    t.regex(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path);
  const asked = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    readonly dependencies: object;
  };
  t.deepEqual(
    lockfile.root.dependsOn,
    Object.keys(asked.dependencies).map((name) => `node_modules/${name}`),
  );
});

test('I53: nothing runs when the product is installed: one script, and what it would build is there', (t) => {
  const withScript = installed.filter(({ hasInstallScript }) => hasInstallScript);
  t.deepEqual(
    withScript.map(({ name }) => name),
    ['@serialport/bindings-cpp'],
  );
  t.regex(readFileSync(`${ROOT}.npmrc`, 'utf8'), /^ignore-scripts=true$/m);
  const prebuilds = join(ROOT, withScript[0]?.path ?? '', 'prebuilds');
  for (const platform of ['linux-arm', 'linux-arm64', 'linux-x64'])
    t.true(
      readdirSync(join(prebuilds, platform)).some((file) => file.endsWith('.glibc.node')),
      platform,
    );
});

test('I53: CI installs by npm ci without scripts, and what it builds and tests is that', (t) => {
  const run = readFileSync(`${ROOT}.ci/run`, 'utf8');
  const installs = run.split('\n').filter((line) => /\bnpm (ci|i|install|rebuild)\b/.test(line));
  t.is(installs.length, 1, 'once, and nothing is installed or rebuilt beside it');
  t.regex(installs[0] ?? '', /^phase packages \d+ npm ci \|\| exit$/);
  t.notRegex(run, /ignore-scripts=false|--foreground-scripts/);
  const asked = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const atInstall = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
  for (const name of atInstall) t.is(asked.scripts[name], undefined, name);
  const present = installed.filter(({ path }) => existsSync(join(ROOT, path)));
  const bytes = present.reduce((sum, { path }) => sum + bytesBelow(join(ROOT, path)), 0);
  t.log(`${present.length} packages, ${(bytes / 1e6).toFixed(0)} MB on the disk`);
});

/** Of the package itself, not of those installed below it. */
function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? sum : sum + bytesBelow(path);
    return entry.isFile() ? sum + statSync(path).size : sum;
  }, 0);
}

test('I53: what is installed with the product has licences that ask for a notice only', (t) => {
  for (const { name, license } of installed) t.true(ALLOWED_LICENCES.includes(license), name);
  t.is(readFileSync(`${ROOT}docs/licences.md`, 'utf8'), licencesPage(lockfile));
  const texts = notices(installed.filter(({ path }) => existsSync(join(ROOT, path))));
  t.true(texts.includes('Permission is hereby granted'));
});

test('I53: the SBOM has each package of the lockfile, its hash and what it needs', (t) => {
  const made = '2026-01-31T12:00:00Z';
  const text = sbom(lockfile, '1.2.3', made);
  t.is(text, sbom(readLockfile(), '1.2.3', made));
  const document = JSON.parse(text) as {
    readonly serialNumber: string;
    readonly components: readonly SbomComponent[];
    readonly dependencies: readonly { readonly ref: string; readonly dependsOn: string[] }[];
  };
  t.regex(
    document.serialNumber,
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  const nameOf = ({ group, name }: SbomComponent): string =>
    group === undefined ? name : `${group}/${name}`;
  t.deepEqual(
    document.components.map((one) => `${nameOf(one)} ${one.version}`),
    installed.map(({ name, version }) => `${name} ${version}`),
  );
  for (const [index, { hashes }] of document.components.entries()) {
    const { integrity } = installed[index]!;
    t.is(Buffer.from(hashes?.[0]?.content ?? '', 'hex').toString('base64'), integrity.slice(7));
  }
  const refs = [...document.components.map((one) => one['bom-ref'])];
  t.is(new Set(refs).size, refs.length);
  t.deepEqual(
    document.dependencies.slice(1).map(({ ref }) => ref),
    refs,
  );
  // Whoever is installed is needed by somebody.
  const needed = new Set(document.dependencies.flatMap(({ dependsOn }) => dependsOn));
  t.deepEqual(
    refs.filter((ref) => !needed.has(ref)),
    [],
  );
  const page = readFileSync(`${ROOT}docs/release.md`, 'utf8');
  t.true(page.includes(`Installed with the product are ${installed.length} packages`));
  t.log(`${installed.length} packages are installed with the product`);
});
