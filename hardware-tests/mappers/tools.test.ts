import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { freePort } from '../link.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAM = join(ROOT, 'dist/runtime/main.js');

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-tools-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

test('the steps of docs/mappers.md, as a person types them', async (t) => {
  const manual = await readFile(join(ROOT, 'docs/mappers.md'), 'utf8');
  const blocks = [...manual.matchAll(/^```sh walk\n(.*?)^```$/gms)].map(([, text = '']) => text);
  // The others are run by documented.test.ts.
  t.true(blocks.length > 2);
  const port = await freePort();
  const script = [
    'set -e',
    blocks[0],
    'SIMULATOR=$!',
    'trap "kill $SIMULATOR" EXIT',
    `for i in $(seq 200); do (: < /dev/tcp/127.0.0.1/${port}) 2>/dev/null && break; sleep 0.1; done`,
    blocks[1],
    'echo WALKED',
  ].join('\n');
  const folder = await folderOf(t);
  await writeFile(
    join(folder, 'walk.sh'),
    script.replaceAll('5020', String(port)).replaceAll('npx edgetwin', 'node "$PROGRAM"'),
  );
  const bash = spawn('bash', ['walk.sh'], {
    cwd: folder,
    env: { ...process.env, PROGRAM },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  bash.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  bash.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await new Promise((resolve) => bash.once('close', resolve));
  for (const expected of [
    /010400000020f1d2/,
    /^unit 1 at tcp/m,
    /^unit 3 at tcp/m,
    /^voltage +1 +V +good/m,
    /^written true; the device holds true$/m,
    /^relay2 +true +good/m,
    /^Describe each in a file of four lines/m,
    /^xy-md02 +datasheet/m,
    /^WALKED$/m,
  ])
    t.regex(output, expected);
});

test('watch shows values until Ctrl+C, also of a simulated slave that is told to misbehave', async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, 'd.yaml');
  const started = (
    ...words: string[]
  ): { child: ChildProcess; said: (what: RegExp) => Promise<string> } => {
    const child = spawn('node', [PROGRAM, 'mapper', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const said = async (what: RegExp): Promise<string> => {
      for (;;) {
        const [, found] = what.exec(output) ?? [];
        if (found !== undefined) return found;
        await once(child.stdout, 'data');
      }
    };
    return { child, said };
  };
  const device = 'template: xy-md02\nname: c\nunit: 2\nhost: 127.0.0.1\n';
  await writeFile(file, device);
  const faults = ['--silent-every', '5', '--damaged-every', '7', '--late', '5'];
  const slave = started('simulate', file, '--tcp-port', '0', ...faults);
  const port = await slave.said(/ answer at 127\.0\.0\.1:(\d+)/);
  await writeFile(file, `${device}tcpPort: ${port}\n`);
  const watch = started('watch', 'c', '--devices', file);
  t.is(await watch.said(/^(humidity 2 %RH)$/m), 'humidity 2 %RH');
  const ended = once(watch.child, 'exit');
  watch.child.kill('SIGINT');
  t.deepEqual(await ended, [0, null]);
});

test('each command of mapper says what is wrong, and with --json as JSON', async (t) => {
  const folder = await folderOf(t);
  const file = join(folder, 'd.yaml');
  await writeFile(file, 'template: sdm120\nname: m\nport: /dev/ttyX\nmaxRegister: 5\n');
  const run = (
    ...words: string[]
  ): { status: number | null; error: { code: string; hint?: string } } => {
    const { status, stderr } = spawnSync('node', [PROGRAM, 'mapper', ...words, '--json']);
    return { status, error: JSON.parse(stderr.toString()) as { code: string } };
  };
  t.like(run('plan', '--devices', file), { status: 2, error: { code: 'EDGE_CONFIG' } });
  await writeFile(file, 'template: sdm120\nname: m\nport: /dev/ttyX\n');
  t.like(run('read', 'n', '--devices', file), { error: { code: 'EDGE_NO_DEVICE' } });
  t.like(run('read', 'm', 'voltag', '--devices', file), {
    error: { hint: 'Did you mean voltage?' },
  });
  t.like(run('scan'), { status: 2, error: { code: 'EDGE_USAGE' } });
  const line = ['scan', '--port', '/dev/ttyX'];
  t.like(run(...line, '--format', '8X1'), { error: { code: 'EDGE_USAGE' } });
  t.like(run(...line, '--units', '0-4'), { error: { hint: 'Begin with 1: --units 1-4.' } });
  t.like(run(...line, '--units', '5-1'), { error: { hint: 'Write --units 1-5.' } });
  t.like(run('template', 'show', 'sdm121'), { error: { hint: 'Did you mean sdm120?' } });
});
