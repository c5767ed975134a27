import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { freePort } from '../link.js';
import { blockMarks, blocksOf, readme, ROOT } from './readme.js';
import { bash } from './shell.js';

const PORTS = ['7443', '7080', '5020', '1883', '10550'];

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
    'open() { for i in $(seq 1200); do (: < /dev/tcp/127.0.0.1/$1) 2>/dev/null && return; sleep 0.1; done; exit 1; }',
    'again() { for i in $(seq 400); do . $1 && return; sleep 0.2; done; echo "gave up: $1"; exit 1; }',
    ...steps,
    'again ./in-sync.sh && . ./serial.sh && echo WALKED',
  ].join('\n');
}

/** The walk's configuration with a serial bus instead, by the line that the README gives. */
function checkSerial(configData: string): string {
  return [
    `sed 's|^    configData: .*|    ${configData}|' meter.yaml > serial.yaml`,
    'grep -q ttyUSB0 serial.yaml && sed s/meter.yaml/serial.yaml/ gateway.yaml > serial-gateway.yaml',
    'npx edgetwin check --config serial-gateway.yaml',
  ].join('\n');
}

test('the README walks from a register to the cloud and back, by its own commands', async (t) => {
  const blocks = await blocksOf('sh walk');
  t.true(blocks.length >= 7);
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-readme-'));
  const ports = await Promise.all(PORTS.map(() => freePort()));
  const local = (text: string): string =>
    text.replace(new RegExp(PORTS.join('|'), 'g'), (port) => String(ports[PORTS.indexOf(port)]));
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
    const [serial = ''] = await blocksOf('yaml');
    await writeFile(join(folder, 'serial.sh'), checkSerial(serial.trim()));
    const { output } = await bash(local(script(blocks)), folder);
    t.true(output.includes('WALKED'), output);
    t.true(output.includes('42.5'), output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a test runs each block of the README, and package.json has its commands', async (t) => {
  t.deepEqual(await blockMarks(), new Set(['mermaid', 'sh', 'sh walk', 'yaml']));
  // clean.long.test.ts runs these.
  t.deepEqual(await blocksOf('sh'), ['npm ci && npm start\n', 'npm ci && npm test\n']);
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const text = await readme();
  for (const [, name = ''] of text.matchAll(/npm (?:run (?:--silent )?)?(start|test|meter)\b/g))
    t.truthy(scripts[name], name);
});
