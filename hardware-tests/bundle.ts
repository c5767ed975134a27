import { readFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BuildOptions } from 'esbuild';

const DIST = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = `${DIST}bundle/`;
export const BUNDLE = `${FOLDER}edgetwin.js`;

const TEMPLATES = fileURLToPath(new URL('../../mappers/templates', import.meta.url));

/** Packages that a bundle cannot hold (native code) or a gateway does not need in its process. */
const EXTERNAL = ['@serialport/bindings-cpp', 'mqtt', 'sql.js', 'bufferutil', 'utf-8-validate'];

/** How our code becomes a few files: what `run` needs, and parts for what not each gateway has. */
export const BUNDLE_OPTIONS = {
  bundle: true,
  // The text of a file stays in memory, also of what never runs.
  splitting: true,
  chunkNames: 'part-[hash]',
  // The hashes depend on the paths of modules: on those within the checkout, wherever that stands.
  absWorkingDir: fileURLToPath(new URL('../..', import.meta.url)),
  preserveSymlinks: true,
  minify: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: EXTERNAL,
  legalComments: 'none',
  logLevel: 'error',
  // Packages in CommonJS call `require` for built-ins, which an ES module does not have.
  banner: {
    js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
  },
} satisfies BuildOptions;

/** The gateway minified: what a small device runs. Resolves to the size of all files in bytes. */
export async function bundleGateway(): Promise<number> {
  await rm(FOLDER, { recursive: true, force: true });
  const { metafile } = await build({
    ...BUNDLE_OPTIONS,
    entryPoints: { edgetwin: `${DIST}runtime/main.js` },
    outdir: FOLDER,
    metafile: true,
  });
  const isTemplate = (path: string): boolean => !path.endsWith('.ts');
  await cp(TEMPLATES, `${FOLDER}templates`, { recursive: true, filter: isTemplate });
  return Object.values(metafile.outputs).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The flags that a program asks for in its first line, for those who start it through `node`. */
export function flagsOf(script: string): string[] {
  const [, flags = ''] =
    /^#!\/usr\/bin\/env -S node(.*)$/m.exec(readFileSync(script, 'utf8')) ?? [];
  return flags.split(' ').filter((flag) => flag !== '');
}

if (process.argv[1] === import.meta.filename)
  process.stdout.write(`${BUNDLE}: ${await bundleGateway()} bytes\n`);
