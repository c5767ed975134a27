import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Architecture } from '#runtime/release/manifest.js';
import { BUNDLE_OPTIONS } from '../bundle.js';
import type { TreeFile } from './bundle-maker.js';
import { notices } from './licences.js';
import { closure, production, readLockfile, ROOT } from './lockfile.js';
import type { Lockfile } from './lockfile.js';

/** Where the program stands, so that it finds `package.json` two folders up as in the package. */
const PROGRAM = 'dist/gateway';
const BINDINGS = 'node_modules/@serialport/bindings-cpp';
const SQL = 'node_modules/sql.js';
/** Of sql.js's 30 MB: what the worker loads. */
const SQL_FILES = ['package.json', 'LICENSE', 'dist/sql-wasm.js', 'dist/sql-wasm.wasm'];

/**
 * The gateway as it is installed beside Node: a few files of our code, the worker for queries, the
 * templates, and the two packages that cannot be bundled, with the machine code of one processor.
 */
export async function gatewayTree(architecture: Architecture): Promise<TreeFile[]> {
  const lockfile = readLockfile();
  return [
    ...(await programFiles()),
    ...templates(),
    ...serialBinding(lockfile, architecture),
    ...SQL_FILES.map((file) => fromCheckout(`${SQL}/${file}`)),
    fromCheckout('LICENSE'),
    textFile('package.json', `${JSON.stringify(ownPackage())}\n`),
    textFile('NOTICES.txt', notices(production(lockfile))),
  ];
}

export function ownPackage(): { name: string; version: string; license: string; type: string } {
  const text = readFileSync(`${ROOT}package.json`, 'utf8');
  const { name, version, license, type } = JSON.parse(text) as ReturnType<typeof ownPackage>;
  return { name, version, license, type };
}

async function programFiles(): Promise<TreeFile[]> {
  const { outputFiles } = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: {
      edgetwin: `${ROOT}dist/runtime/main.js`,
      'sql-worker': `${ROOT}dist/journal/sql-worker.js`,
    },
    outdir: PROGRAM,
    write: false,
    // Paths in messages and in the order of modules do not depend on where the checkout stands.
    absWorkingDir: ROOT,
  });
  return outputFiles.map(({ path, contents }) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return { path: `${PROGRAM}/${name}`, bytes: contents, executable: name === 'edgetwin.js' };
  });
}

function templates(): TreeFile[] {
  const folder = 'mappers/templates';
  return ['', 'exchanges/'].flatMap((below) =>
    readdirSync(join(ROOT, folder, below))
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => ({
        ...fromCheckout(`${folder}/${below}${name}`),
        path: `${PROGRAM}/templates/${below}${name}`,
      })),
  );
}

/** The package with its dependencies: what `require` reads, and the prebuilt code of glibc. */
function serialBinding(lockfile: Lockfile, architecture: Architecture): TreeFile[] {
  const files = closure(lockfile, BINDINGS).flatMap(({ path }) =>
    filesBelow(path).filter(
      (file) =>
        /\/(package\.json|licen[cs]e[^/]*|[^/]+\.js)$/i.test(file) &&
        !/\/(test|example|browser|prebuilds|bench|tools)[^/]*\//.test(file.slice(path.length)),
    ),
  );
  const platforms = architecture === 'any' ? ['arm', 'arm64', 'x64'] : [architecture];
  const prebuilt = platforms.flatMap((name) =>
    filesBelow(`${BINDINGS}/prebuilds/linux-${name}`).filter((file) => file.includes('.glibc.')),
  );
  return [...new Set([...files, ...prebuilt])].map(fromCheckout);
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    // Packages inside a package are packages of their own in the lockfile.
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesBelow(path);
    return statSync(join(ROOT, path)).isFile() ? [path] : [];
  });
}

function fromCheckout(path: string): TreeFile {
  return { path, bytes: readFileSync(join(ROOT, path)), executable: false };
}

function textFile(path: string, text: string): TreeFile {
  return { path, bytes: Buffer.from(text), executable: false };
}
