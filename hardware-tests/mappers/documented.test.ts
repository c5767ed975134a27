import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { commandName } from '#protocol/command-line/command.js';
import { Arguments, parseCommandLine } from '#protocol/command-line/parse.js';
import { until } from '#mappers/compliance.js';
import { loadMapper } from '#mappers/registry.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { simulate } from '#mappers/tools/simulate.js';
import { NO_FAULTS } from '#mappers/tools/slave.js';
import { mapperVerbs } from '#mappers/tools/verbs.js';
import { EDGETWIN } from '#runtime/cli/commands.js';
import { namedDevices } from '#runtime/cli/named-devices.js';
import { readDevices } from '#runtime/config/device-files.js';
import { judgeBy } from '#runtime/config/judge-device.js';
import { deviceOf, LINE, ports, slave } from '../board/simulated-board.js';
import { onSerial } from './on-serial.js';
import { hasSocat } from './serial-pair.js';

const library = { names: templateNames, load: loadTemplate };
const manual = await readFile(new URL('../../../docs/mappers.md', import.meta.url), 'utf8');
const BLOCKS = [...manual.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);

const API = 'apiVersion: devices.kubeedge.io/v1beta1';
const SPEC = `  deviceModelRef: { name: m }
  protocol: { protocolName: modbus, configData: { port: /dev/ttyUSB0 } }
`;
const REGISTERS = ['speed', 'pulse'].map(
  (name, offset) =>
    `    - { name: ${name}, type: INT, visitors: { protocolName: modbus, configData: { register: HoldingRegister, offset: ${offset} } } }\n`,
);

/** What the manual shows of a document, with the rest of it around. */
function whole(text: string): string {
  const model = (properties: string): string =>
    `kind: DeviceModel\n${API}\nmetadata: { name: m }\nspec:\n${properties}---\n`;
  const device = `kind: Device\n${API}\nmetadata: { name: d }\n`;
  if (text.startsWith('properties:'))
    return `${model(text.replaceAll(/^(?=.)/gm, '  '))}${device}spec:\n${SPEC}`;
  if (text.startsWith('spec:'))
    return `${model(`  properties:\n${REGISTERS.join('')}`)}${device}${text}${SPEC}`;
  const kind = /^kind: DeviceModel[^]*?name: ([a-z-]+)/.exec(text)?.[1];
  return kind === undefined ? text : `${text}---\ntemplate: ${kind}\nname: d\nport: /dev/ttyUSB0\n`;
}

test('the manual shows devices, models and parts of them', (t) => {
  t.true(BLOCKS.length >= 7);
});

BLOCKS.forEach((text, index) =>
  test(`what the manual shows as YAML is taken: ${index + 1}, ${text.split('\n')[0]}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'edgetwin-documented-'));
    t.teardown(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'd.yaml'), whole(text));
    const judge = judgeBy(loadMapper);
    const { devices, issues } = await readDevices(
      ...([folder, ['d.yaml'], undefined, judge, library, () => undefined] as const),
    );
    t.deepEqual(issues, []);
    t.is(devices.length, 1);
  }),
);

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const devices = namedDevices(loadMapper, library);
const VERBS = mapperVerbs({ ...ports, devices });
/** The first two are walked through by tools.test.ts. */
const WALKS = [...manual.matchAll(/^```sh walk\n(.*?)\n```$/gms)].map(([, text]) => text ?? '');
const METERS = /^cat > meters\.yaml <<'END'\n([^]*?)^END$/m.exec(manual)?.[1] ?? '';

/** The block that begins so; every block of the manual is taken once. */
const taken: string[] = WALKS.slice(0, 2);
function block(begins: string): string {
  const found = WALKS.find((text) => text.startsWith(begins));
  if (found === undefined) throw new TypeError(`the manual has no block ${begins}`);
  taken.push(found);
  return found;
}

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-documented-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Typed {
  out: string;
  err: string;
  readonly ended: Promise<void>;
  /** Ctrl+C. */
  interrupt(): void;
}

/** Runs a line that begins with `npx edgetwin mapper` as the program would. */
function typed(line: string): Typed {
  const [npx, program, ...words] = line.split(/\s+/);
  if (npx !== 'npx' || program !== 'edgetwin') throw new TypeError(line);
  const invocation = parseCommandLine(EDGETWIN, words);
  if (invocation.kind !== 'run') throw new TypeError(line);
  const verb = VERBS[commandName(invocation.command)];
  if (verb === undefined) throw new TypeError(line);
  const control = new AbortController();
  const said = { out: '', err: '', interrupt: () => control.abort() };
  const terminal = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    signal: control.signal,
  };
  return Object.assign(said, { ended: verb(invocation.args, terminal) });
}

/** Starts what an npm script runs, without building it anew, with the words behind `--`. */
async function script(
  t: ExecutionContext,
  line: string,
  cwd: string,
): Promise<{ readonly child: ChildProcess; readonly said: () => string }> {
  const [, name = '', words = ''] =
    /^npm run (?:--silent )?(\S+) -- (.*?)(?: &)?$/.exec(line) ?? [];
  const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const [, program = ''] = /\bnode (dist\/\S+\.js)$/.exec(scripts[name] ?? '') ?? [];
  const child = spawn('node', [join(ROOT, program), ...words.split(/\s+/)], { cwd });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  return { child, said: () => output };
}

const SCAN = block('npx edgetwin mapper scan --port /dev/ttyUSB0');
onSerial('the manual: scan of a line in every combination', async (t, pair) => {
  const file = join(await folderOf(t), 'meters.yaml');
  await writeFile(file, METERS);
  const all = await devices(new Arguments(new Map(), new Map([['devices', [file]]])));
  const simulation = await simulate(
    ...([
      all,
      { serial: { port: pair.slave, ...LINE, baudRate: 9600 } },
      NO_FAULTS,
      ports,
    ] as const),
  );
  const scan = typed(`${SCAN.replace('/dev/ttyUSB0', pair.master)} --timeout 5000`);
  await scan.ended;
  await simulation.stop();
  const found = scan.out.trimEnd().split('\n').sort();
  t.is(found.length, 3, scan.out);
  // A pseudo-terminal has no speed: they answer at the first line, and are not asked at others.
  found.forEach((line, index) => t.regex(line, new RegExp(`^unit ${index + 1} at 9600 8N1`)));
});

const SIMULATE = block('npx edgetwin mapper simulate');
test('the manual: slaves that are silent, damage answers and are late', async (t) => {
  const file = join(await folderOf(t), 'meters.yaml');
  await writeFile(file, METERS);
  const slaves = typed(SIMULATE.replace('meters.yaml', file).replace('5020', '0'));
  await until('they answer', () => slaves.out !== '');
  t.regex(
    slaves.out,
    /^units 1, 2, 3 answer at 127\.0\.0\.1:\d+, Modbus TCP; stop it with Ctrl\+C$/m,
  );
  slaves.interrupt();
  await t.notThrowsAsync(slaves.ended);
});

const HARDWARE = block('npm run test:hardware');
onSerial('the manual: the hardware suite on a board', async (t, pair) => {
  const device = await deviceOf(t, { template: 'sdm120', port: pair.master });
  const simulation = await slave(device, pair, NO_FAULTS);
  const folder = await folderOf(t);
  const line = HARDWARE.replace(/\/dev\/serial\/by-id\/\S+/, pair.master);
  // Nobody is there to pull the adapter out.
  const suite = await script(t, `${line} --yes --rounds 3`, folder);
  t.deepEqual(await once(suite.child, 'close'), [0, null], suite.said());
  await simulation.stop();
  const report = await readFile(join(folder, 'hardware-report.md'), 'utf8');
  t.regex(report, /^\| rounds of all properties \| passed \| 3 of 3 whole/m);
  t.regex(report, /^\| every property has a value \| passed \| 10 properties \|$/m);
});

const METER = block('npm run --silent meter');
test('the manual: the simulated meter on TCP', async (t) => {
  const meter = await script(t, METER.replace('5020', '0'), await folderOf(t));
  await until('it answers', () => / answers at 127\.0\.0\.1:\d+\./.test(meter.said()));
  meter.child.kill('SIGTERM');
  t.deepEqual(await once(meter.child, 'close'), [0, null]);
});

const SERIAL_METER = block('socat pty');
test('the manual: the simulated meter on a line of socat', async (t) => {
  if (!hasSocat) {
    t.log('skipped: needs socat');
    t.pass();
    return;
  }
  const cwd = await folderOf(t);
  const [cable = '', start = '', scan = ''] = SERIAL_METER.split('\n');
  const socat = spawn('socat', cable.split(' ').slice(1, -1), { cwd, stdio: 'ignore' });
  t.teardown(() => socat.kill());
  await until('the line is there', () => ['a', 'b'].every((end) => existsSync(join(cwd, end))));
  const meter = await script(t, start, cwd);
  await until('it answers', () => meter.said().includes('answers at b.'));
  const found = typed(`${scan.replace('--port a', `--port ${join(cwd, 'a')}`)} --timeout 5000`);
  await found.ended;
  t.regex(found.out, /^unit 1 at 9600 8N1/m);
  meter.child.kill('SIGTERM');
  await once(meter.child, 'close');
});

test('every block of commands of the manual is run', (t) => {
  t.deepEqual([...taken].sort(), [...WALKS].sort());
});
