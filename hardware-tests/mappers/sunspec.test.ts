import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { until } from '#mappers/compliance.js';
import type { BusSettings } from '#mappers/modbus/bus-settings.js';
import { parseExchanges } from '#mappers/templates/exchange.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { readOnce, withDevice } from '#mappers/tools/live.js';
import { scan, type FoundSlave } from '#mappers/tools/scan.js';
import { simulate, type Simulation } from '#mappers/tools/simulate.js';
import { at, NO_FAULTS } from '#mappers/tools/slave.js';
import { sunSpecTemplate } from '#mappers/tools/sunspec-template.js';
import { readDevices } from '#runtime/config/device-files.js';
import { hex, holdingsOf, replay } from './exchange.js';
import { hasSocat, SerialPair } from './serial-pair.js';

const ports = { clock: systemClock, random: seededRandom(5) };
const LINE = { baudRate: 115_200, dataBits: 8, stopBits: 1, parity: 'none' } as const;

async function devicesOf(t: ExecutionContext, yaml: string): Promise<readonly Device[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-sunspec-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'devices.yaml'), yaml);
  const library = { names: templateNames, load: loadTemplate };
  const read = await readDevices(
    folder,
    ['devices.yaml'],
    undefined,
    () => [],
    library,
    () => undefined,
  );
  t.deepEqual(read.issues, []);
  return read.devices;
}

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
      timeoutMs: 1_500,
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

/** Four lines for each part of the device: it says itself where its points are. */
async function needsNoMap(
  t: ExecutionContext,
  configData: Readonly<Record<string, unknown>>,
): Promise<void> {
  const parts = ['sunspec-inverter-3', 'sunspec-trackers', 'sunspec-meter'];
  const text = parts.map((template) =>
    JSON.stringify({ template, name: template, unit: 126, ...configData }),
  );
  const values = new Map<string, unknown>();
  for (const device of await devicesOf(t, text.join('\n---\n')))
    for (const { property, quality, value } of await readOnce(device, ports, 10_000))
      values.set(`${device.model} ${property}`, quality === 'good' ? value : quality);
  t.is(values.size, 12 + 6 + 6);
  t.is(values.get('sunspec-inverter-3 power'), 230.5);
  t.is(values.get('sunspec-inverter-3 energy'), 10_000_000);
  t.is(values.get('sunspec-inverter-3 serialNumber'), 'SN-123');
  t.is(values.get('sunspec-trackers input1Current'), 5.12);
  t.is(values.get('sunspec-trackers input2Voltage'), 598);
  t.is(values.get('sunspec-meter power'), -1250);
  t.is(values.get('sunspec-meter energyImported'), 4_321_000);
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
  await needsNoMap(t, where);
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
  await needsNoMap(t, where);
});

/** The models that a scan finds at unit 71. */
async function chainAt(settings: BusSettings): Promise<readonly number[] | undefined> {
  const [slave] = await scan(
    {
      ...{ lines: [settings], units: [71], timeoutMs: 1_000 },
      ...{ signal: new AbortController().signal },
      ...{ progress: () => undefined, found: () => undefined },
    },
    ports,
  );
  return slave?.sunspec?.map(({ id }) => id);
}

test('the chain of models that a KOSTAL inverter was heard to tell is walked, on TCP and as on a line', async (t) => {
  const fixture = new URL('../../../hardware-tests/mappers/heard/', import.meta.url);
  const text = await readFile(new URL('kostal-plenticore.yaml', fixture), 'utf8');
  const [heard] = await parseExchanges('kostal-plenticore', text);
  if (heard === undefined) throw new TypeError('no exchange');
  const models = [1, 103, 113, 120, 123, 160, 203, 802];
  const line = await replay(heard, true);
  t.teardown(() => line.stop());
  const host = '127.0.0.1';
  const asLine = { transport: 'rtu-over-tcp', host, tcpPort: line.port, baudRate: 9600 } as const;
  t.deepEqual(await chainAt(asLine), models);
  for (const { request = new Uint8Array(0) } of heard.frames)
    t.true(line.asked.includes(hex(request)), hex(request));
  const [blank] = await devicesOf(t, 'template: victron-gx\nname: x\nunit: 71\nhost: 127.0.0.1');
  if (blank === undefined) throw new TypeError('no device');
  const simulation = await simulate([blank], { tcpPort: 0 }, NO_FAULTS, ports);
  t.teardown(() => simulation.stop());
  for (const [where, word] of holdingsOf(heard.frames))
    simulation.holdings.get(71)?.set(where, word);
  const tcpPort = Number(simulation.address.split(':')[1]);
  t.deepEqual(await chainAt({ transport: 'tcp', host, tcpPort }), models);
});

test('what the device lacks is bad and says why; a device that comes later is asked then', async (t) => {
  const [blank] = await devicesOf(t, 'template: victron-gx\nname: x\nunit: 126\nhost: 127.0.0.1');
  if (blank === undefined) throw new TypeError('no device');
  const simulation = await simulate([blank], { tcpPort: 0 }, NO_FAULTS, ports);
  t.teardown(() => simulation.stop());
  const tcpPort = Number(simulation.address.split(':')[1]);
  const short = { template: 'sunspec-battery', name: 'b', host: '127.0.0.1', tcpPort };
  const read = async (unit: number): Promise<readonly Reading[]> => {
    const [device] = await devicesOf(t, JSON.stringify({ ...short, unit, timeout: 200 }));
    return device === undefined ? [] : readOnce(device, ports, 10_000);
  };
  const reasons = (readings: readonly Reading[]): unknown => [
    ...new Set(readings.map(({ reason }) => reason)),
  ];
  t.deepEqual(reasons(await read(126)), ['EDGE_UNSUPPORTED'], 'no SunSpec at all');
  fillSunSpec(simulation, 126);
  t.deepEqual(reasons(await read(126)), ['EDGE_UNSUPPORTED'], 'no battery in its chain');
  t.deepEqual(reasons(await read(9)), ['EDGE_DEVICE_TIMEOUT'], 'nobody is there');
  const [late] = await devicesOf(
    t,
    JSON.stringify({ ...short, template: 'sunspec-inverter', unit: 77, timeout: 100 }),
  );
  if (late === undefined) throw new TypeError('no device');
  const readings: Reading[] = [];
  await withDevice(
    late,
    ports,
    (one) => readings.push(one),
    async (mapper) => {
      await until('it is missed', () => readings.some(({ quality }) => quality === 'bad'));
      t.regex(mapper.status().devices[0]?.detail ?? '', /no answer|away/);
      (simulation.holdings as Map<number, Map<string, number>>).set(77, new Map());
      fillSunSpec(simulation, 77);
      await until('it is read', () =>
        readings.some(({ property, value }) => property === 'power' && value === 230.5),
      );
    },
  );
});
