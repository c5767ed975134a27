import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { freePort } from '../link.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PORTS = ['7443', '7080', '5020', '1883', '10550'];

/** The README's own commands, in order: the fenced blocks marked `sh walk`. */
async function walkBlocks(): Promise<string[]> {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```sh walk\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
}

/**
 * Runs the blocks as a person would: one after the other in one shell, waiting for what was started
 * in the background, and trying a command again when a value is not there yet.
 */
function script(blocks: readonly string[]): string {
  const steps = blocks.map((block, index) => {
    const file = `block-${index}.sh`;
    const port = /(?:--listen \S+:|--port )(\d+)/.exec(block)?.[1];
    if (!/&\s*$/.test(block)) return `again ./${file}`;
    return port === undefined ? `. ./${file}` : `. ./${file}; open ${port}`;
  });
  return [
    'open() { for i in $(seq 200); do (: < /dev/tcp/127.0.0.1/$1) 2>/dev/null && return; sleep 0.1; done; exit 1; }',
    'again() { for i in $(seq 100); do . $1 && return; sleep 0.2; done; echo "gave up: $1"; exit 1; }',
    ...steps,
    'again ./in-sync.sh && echo WALKED',
  ].join('\n');
}

test('the README walks from a register to the cloud and back, by its own commands', async (t) => {
  const blocks = await walkBlocks();
  t.true(blocks.length >= 7);
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-readme-'));
  const ports = await Promise.all(PORTS.map(() => freePort()));
  const local = (text: string): string =>
    PORTS.reduce((out, port, index) => out.replaceAll(port, String(ports[index])), text);
  try {
    await mkdir(join(folder, 'node_modules', '.bin'), { recursive: true });
    for (const [name, path] of [
      ['edgetwin', 'dist/runtime/main.js'],
      ['edgetwin-hub', 'dist/cloud/main.js'],
    ] as const)
      await symlink(join(ROOT, path), join(folder, 'node_modules', '.bin', name));
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({
        private: true,
        scripts: { meter: `node ${join(ROOT, 'dist/hardware-tests/simulators/modbus-meter.js')}` },
      }),
    );
    for (const [index, block] of blocks.entries())
      await writeFile(join(folder, `block-${index}.sh`), local(block));
    await writeFile(
      join(folder, 'in-sync.sh'),
      'npx edgetwin-hub twin get --data hub default/meter-1 setpoint --json | grep in-sync',
    );
    const output = await bash(local(script(blocks)), folder);
    t.true(output.includes('WALKED'), output);
    t.true(output.includes('42.5'), output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('the two commands of the README are the ones that package.json has', async (t) => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const [, name = ''] of readme.matchAll(/npm (?:run (?:--silent )?)?(start|test|meter)\b/g))
    t.truthy(scripts[name], name);
});

async function bash(text: string, cwd: string): Promise<string> {
  const child = spawn('bash', ['-c', text], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  await new Promise((resolve) => child.once('exit', resolve));
  // What runs in the background is in the shell's process group.
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
  await new Promise((resolve) => child.once('close', resolve));
  return output;
}
