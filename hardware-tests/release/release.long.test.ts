/**
 * Two builds of one commit, in two places, under two users' habits: every published byte is the same.
 * And what a bundle unpacks to is a gateway that runs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import test from 'ava';
import { unpackBundle, verifyBundle } from '#runtime/release/bundle.js';
import { parseRoots } from '#runtime/release/signature.js';
import { hasTools } from '../tools.js';
import { grantOf, newKey, privateKeyOf, publicText } from './keys.js';
import { ROOT } from './lockfile.js';

/** What differs from one machine to another and should not matter. */
const HABITS = [
  { place: 'a', umask: '022', env: { TZ: 'UTC', LC_ALL: 'C' } },
  { place: 'some/where else', umask: '077', env: { TZ: 'Asia/Kolkata', LC_ALL: 'C.UTF-8' } },
] as const;

test('I53: two builds of one commit give one hash for each file of a release, and its bundle runs', async (t) => {
  if (!hasTools(t, 'git')) return;
  const { stdout: isShallow } = spawnSync('git', ['rev-parse', '--is-shallow-repository'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (isShallow.trim() !== 'false') {
    t.log('skipped: needs a clone with its whole history, whose commits a release counts');
    t.pass();
    return;
  }
  t.timeout(10 * 60_000);
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-release-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const [root, key] = [privateKeyOf(newKey()), newKey()];
  await writeFile(join(folder, 'release.key'), key);
  await writeFile(join(folder, 'grant'), grantOf(root, privateKeyOf(key), '2999-01-01T00:00:00Z'));

  const sums: string[] = [];
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  for (const { place, umask, env } of HABITS) {
    const checkout = join(folder, place);
    execFileSync('git', ['clone', '--quiet', ROOT, checkout]);
    execFileSync('git', ['checkout', '--quiet', '--detach', commit], { cwd: checkout });
    await symlink(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
    const release = 'node dist/hardware-tests/release/main.js --key "$0" --grant "$1" --out "$2"';
    const script = `umask ${umask} && npm run --silent build && ${release}`;
    const paths = [join(folder, 'release.key'), join(folder, 'grant'), `${checkout}.out`];
    const { status, stderr } = spawnSync('bash', ['-c', script, ...paths], {
      cwd: checkout,
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    t.is(status, 0, stderr);
    sums.push(await readFile(join(`${checkout}.out`, 'SHA256SUMS'), 'utf8'));
  }
  t.is(sums[0], sums[1]);
  t.is(sums[0]?.trim().split('\n').length, 5, 'a package, an SBOM and three bundles');
  t.log(sums[0]);

  const bundle = `edgetwin-0.1.0-${process.arch}.bundle`;
  const policy = { roots: parseRoots(publicText(root)), product: 'edgetwin' };
  const installed = join(folder, 'installed');
  await install(join(folder, 'a.out', bundle), installed, policy);
  const program = join(installed, 'dist/gateway/edgetwin.js');
  const run = (...words: string[]): string => {
    const { stdout, stderr } = spawnSync(program, words, { cwd: folder, encoding: 'utf8' });
    return stdout + stderr;
  };
  t.is(run('--version'), 'edgetwin 0.1.0\n');
  t.regex(run('mapper', 'template', 'list'), /sdm120/);
  // Through the machine code of serialport: no such port, rather than no such module.
  t.regex(run('mapper', 'scan', '--port', '/dev/none'), /EDGE_DEVICE_CLOSED.*No such file/);
  const worker = new Worker(join(installed, 'dist/gateway/sql-worker.js'));
  worker.postMessage({ kind: 'begin', tables: [] });
  const [answer] = (await once(worker, 'message')) as unknown[];
  t.deepEqual(answer, { kind: 'done' });
  await worker.terminate();
});

async function install(
  path: string,
  folder: string,
  { roots, product }: { roots: readonly Uint8Array[]; product: string },
): Promise<void> {
  const any = { architecture: undefined, newerThan: undefined, nowMs: Date.now() };
  const bundle = await verifyBundle(path, { roots, product, ...any });
  for await (const { file, bytes } of unpackBundle(path, bundle)) {
    const at = join(folder, file.path);
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, bytes, { flag: 'a' });
    await chmod(at, file.executable ? 0o755 : 0o644);
  }
}
