import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

function start(...argv: string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function run(...argv: string[]) {
  const child = start(...argv);
  let [out, err] = ['', ''];
  child.stdout?.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (err += text.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** A hub on free ports, until the test ends, and its ready line. */
async function hubOn(t: ExecutionContext, data: string) {
  const ports = ['--listen', '127.0.0.1:0', '--api', '127.0.0.1:0'];
  const child = start('run', '--data', data, ...ports, '--json');
  const exited = once(child, 'exit') as Promise<[number | null]>;
  t.teardown(() => void child.kill('SIGKILL'));
  child.stderr?.resume();
  const lines = createInterface({ input: child.stdout! });
  const [line] = (await once(lines, 'line')) as [string];
  return { child, exited, ready: JSON.parse(line) as Record<string, string> };
}

async function folder(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'edgetwin-hub-'));
  t.teardown(() => rm(made, { recursive: true, force: true }));
  return made;
}

test('a hub runs, is found by its commands, keeps its operators over a kill, and stops in order', async (t) => {
  const data = await folder(t);
  const first = await hubOn(t, data);
  t.is(first.ready['event'], 'ready');
  t.regex(first.ready['listen'] ?? '', /^127\.0\.0\.1:\d+$/);
  const made = await run('operator', 'create', '--data', data, '--name', 'ann', '--role', 'viewer');
  t.is(made.code, 0, made.err);
  const headers = { authorization: `Bearer ${made.out.trim()}` };
  const locked = await run(
    'run',
    '--data',
    data,
    '--listen',
    '127.0.0.1:0',
    '--api',
    '127.0.0.1:0',
  );
  t.is(locked.code, 1);
  t.regex(locked.err, /EDGE_LOCKED/);

  first.child.kill('SIGKILL');
  await first.exited;
  t.is((await run('nodes', '--data', data)).code, 3);

  const second = await hubOn(t, data);
  const nodes = await fetch(`${second.ready['api']}/api/v1/nodes`, { headers });
  t.is(nodes.status, 200);
  second.child.kill('SIGTERM');
  t.deepEqual(await second.exited, [0, null] as never);
  await t.throwsAsync(access(join(data, 'control.json')), { code: 'ENOENT' });
});

test('a stop ends open watches instead of waiting for them', async (t) => {
  const data = await folder(t);
  const { child, exited, ready } = await hubOn(t, data);
  const made = await run('operator', 'create', '--data', data, '--name', 'ann', '--role', 'viewer');
  const watch = await fetch(`${ready['api']}/api/v1/watch`, {
    headers: { authorization: `Bearer ${made.out.trim()}` },
  });
  const text = watch.text();
  child.kill('SIGINT');
  t.deepEqual(await exited, [0, null] as never);
  t.regex(await text, /^event: snapshot/);
});

test('usage errors end with 2, help and version with 0', async (t) => {
  t.is((await run('rum')).code, 2);
  t.is((await run('run', '--data', await folder(t), '--api', 'nowhere')).code, 2);
  t.is((await run('run', '--help')).code, 0);
  t.regex((await run('--version')).out, /^edgetwin-hub \d+\.\d+\.\d+\n$/);
});
