import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import { seededRandom } from '#protocol/random.js';
import type { BusSettings } from '#mappers/modbus/bus-settings.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { readOnce } from '#mappers/tools/live.js';
import { scan, type FoundSlave } from '#mappers/tools/scan.js';
import { simulate, type Simulation } from '#mappers/tools/simulate.js';
import { at, NO_FAULTS } from '#mappers/tools/slave.js';
import { sunSpecTemplate } from '#mappers/tools/sunspec.js';
import { readDevices } from '#runtime/config/device-files.js';
import { freePort } from '../link.js';
import { hasSocat, SerialPair } from './serial-pair.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROGRAM = join(ROOT, 'dist/runtime/main.js');
const ports = { clock: systemClock, random: seededRandom(5) };
/** Before the first test: tests are declared synchronously. */
const TEMPLATES = await templateNames();
const LINE = { baudRate: 115_200, dataBits: 8, stopBits: 1, parity: 'none' } as const;

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-tools-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

async function devicesOf(t: ExecutionContext, yaml: string): Promise<readonly Device[]> {
  const folder = await folderOf(t);
  await writeFile(join(folder, 'devices.yaml'), yaml);
  const library = { names: templateNames, load: loadTemplate };
  const valid = (): [] => [];
  const { devices, issues } = await readDevices(
    folder,
    ['devices.yaml'],
    undefined,
    valid,
    library,
    () => undefined,
  );
  t.deepEqual(issues, []);
  return devices;
}

test('the steps of docs/mappers.md, as a person types them', async (t) => {
  const manual = await readFile(join(ROOT, 'docs/mappers.md'), 'utf8');
  const blocks = [...manual.matchAll(/^```sh walk\n(.*?)^```$/gms)].map(([, text = '']) => text);
  t.is(blocks.length, 2);
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
    /^xy-md02 +datasheet/m,
    /^WALKED$/m,
  ])
    t.regex(output, expected);
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
  t.like(run('scan', '--port', '/dev/ttyX', '--format', '8X1'), { error: { code: 'EDGE_USAGE' } });
  t.like(run('template', 'show', 'sdm121'), { error: { hint: 'Did you mean sdm120?' } });
});

/** An inverter with two inputs and a meter behind it: models 1, 103, 160 and 203. */
function fillSunSpec({ holdings }: Simulation, unit: number): void {
  const own = holdings.get(unit) ?? new Map<string, number>();
  const put = (offset: number, ...words: number[]): void =>
    words.forEach((word, index) => own.set(at('holding', offset + index), word));
  const text = (value: string): number[] =>
    Array.from(
      { length: Math.ceil(value.length / 2) },
      (_, index) => (value.charCodeAt(index * 2) << 8) | (value.charCodeAt(index * 2 + 1) || 0),
    );
  const model = (offset: number, id: number, length: number): number => {
    put(offset, id, length, ...new Array<number>(length).fill(0));
    return offset;
  };
  put(40_000, 0x5375, 0x6e53);
  const common = model(40_002, 1, 66);
  put(common + 2, ...text('Sunny'));
  put(common + 50, ...text('SN-123'));
  const inverter = model(common + 68, 103, 50);
  put(inverter + 14, 2305, 0xffff); // W, scale factor -1
  put(inverter + 16, 4998, 0xfffe);
  put(inverter + 24, 1, 0x86a0, 2); // WH 100000, scale factor 2
  put(inverter + 33, 0x8000); // temperature: not implemented
  put(inverter + 38, 4);
  const trackers = model(inverter + 52, 160, 48);
  put(trackers + 2, 0xfffe, 0xffff, 0, 0);
  put(trackers + 10 + 9, 512, 6204, 318);
  put(trackers + 30 + 9, 433, 5980, 259);
  const meter = model(trackers + 50, 203, 105);
  put(meter + 18, 0x10000 - 1250);
  put(meter + 46, 0, 4321, 0, 0, 0, 0, 0, 0, 3);
  put(meter + 107, 0xffff, 0);
}

async function discover(
  t: ExecutionContext,
  settings: BusSettings,
  configData: Readonly<Record<string, unknown>>,
): Promise<void> {
  const found: FoundSlave[] = [];
  const slaves = await scan(
    {
      lines: [settings],
      units: [125, 126],
      timeoutMs: 300,
      signal: new AbortController().signal,
      progress: () => undefined,
      found: (slave) => found.push(slave),
    },
    ports,
  );
  t.is(slaves.length, 1);
  const [{ sunspec = [] } = { sunspec: [] }] = found;
  t.deepEqual(
    sunspec.map(({ id }) => id),
    [1, 103, 160, 203],
  );
  const template = sunSpecTemplate('roof', sunspec, { transport: settings.transport });
  const short = { template: 'roof', name: 'inverter', unit: 126, ...configData };
  const [device] = await devicesOf(
    t,
    [template, short].map((one) => JSON.stringify(one)).join('\n---\n'),
  );
  if (device === undefined) throw new TypeError('no device');
  const readings = await readOnce(device, ports, 10_000);
  const of = (name: string): unknown => {
    const reading = readings.find(({ property }) => property === name);
    return reading?.quality === 'good' ? reading.value : reading?.quality;
  };
  t.is(of('manufacturer'), 'Sunny');
  t.is(of('serialNumber'), 'SN-123');
  t.is(of('power'), 230.5);
  t.is(of('frequency'), 49.98);
  t.is(of('energy'), 10_000_000);
  t.is(of('temperature'), 'bad');
  t.is(of('state'), 'producing');
  t.is(of('input1Current'), 5.12);
  t.is(of('input2Voltage'), 598);
  t.is(of('power203'), -1250);
  t.is(of('energyImported'), 4_321_000);
}

test('SunSpec discovery over TCP: an inverter needs no register map', async (t) => {
  const [device] = await devicesOf(t, 'template: victron-gx\nname: x\nunit: 126\nhost: 127.0.0.1');
  if (device === undefined) throw new TypeError('no device');
  const simulation = await simulate([device], { tcpPort: 0 }, NO_FAULTS, ports);
  t.teardown(() => simulation.stop());
  fillSunSpec(simulation, 126);
  const tcpPort = Number(simulation.address.split(':')[1]);
  const where = { transport: 'tcp', host: '127.0.0.1', tcpPort } as const;
  await discover(t, where, where);
});

test('SunSpec discovery over a serial line', async (t) => {
  if (!hasSocat) {
    t.log('skipped: needs socat');
    t.pass();
    return;
  }
  const pair = await SerialPair.open();
  t.teardown(() => pair.close());
  const [device] = await devicesOf(t, 'template: sdm120\nname: x\nunit: 126\nport: /dev/null');
  if (device === undefined) throw new TypeError('no device');
  const serial = { port: pair.slave, ...LINE };
  const simulation = await simulate([device], { serial }, NO_FAULTS, ports);
  t.teardown(() => simulation.stop());
  fillSunSpec(simulation, 126);
  const where = { port: pair.master, baudRate: LINE.baudRate };
  await discover(
    t,
    { transport: 'rtu', ...LINE, port: pair.master },
    { transport: 'rtu', ...where },
  );
});

for (const name of TEMPLATES)
  test(`template ${name} reads a simulated device of itself, as far as it is Modbus`, async (t) => {
    const [device] = await devicesOf(
      t,
      `template: ${name}\nname: x\nport: /dev/null\nhost: 127.0.0.1\ntransport: tcp\ntcpPort: 502`,
    );
    if (device?.protocol.protocolName !== 'modbus') {
      t.pass();
      return;
    }
    const simulation = await simulate([device], { tcpPort: 0 }, NO_FAULTS, ports);
    t.teardown(() => simulation.stop());
    const tcpPort = Number(simulation.address.split(':')[1]);
    const configData = { ...device.protocol.configData, tcpPort };
    const moved = { ...device, protocol: { ...device.protocol, configData } };
    const readings = await readOnce(moved, ports, 10_000);
    t.is(readings.length, device.properties.length);
    t.deepEqual(
      readings.filter(({ quality }) => quality !== 'good'),
      [],
    );
  });
