import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { parseYaml } from '#protocol/yaml-file.js';
import { seededRandom } from '#protocol/random.js';
import { mapperVerbs } from '#mappers/tools/verbs.js';
import { deviceOf } from '../board/simulated-board.js';

const HOST = { host: '127.0.0.1', tcpPort: 502 };

async function said(
  verb: string,
  devices: readonly Device[],
  operands: Readonly<Record<string, string>> = {},
  flags: Readonly<Record<string, readonly string[]>> = {},
): Promise<string> {
  let output = '';
  const terminal = {
    out: (text: string) => void (output += text),
    err: (text: string) => void (output += text),
    signal: new AbortController().signal,
  } as unknown as Terminal;
  const parts = {
    clock: systemClock,
    random: seededRandom(1),
    devices: () => Promise.resolve(devices),
  };
  const words = new Map(Object.entries(operands));
  await mapperVerbs(parts)[verb]?.(new Arguments(words, new Map(Object.entries(flags))), terminal);
  return output;
}

async function named(
  t: ExecutionContext,
  short: Readonly<Record<string, unknown>>,
): Promise<Device> {
  return { ...(await deviceOf(t, short)), id: `default/${String(short['template'])}` };
}

test('plan names every device: sensors with what they are sent, SunSpec by how it is asked', async (t) => {
  const plan = await said('mapper plan', [
    await named(t, { template: 'mh-z19b', port: '/dev/ttyX' }),
    await named(t, { template: 'pms5003', port: '/dev/ttyY' }),
    await named(t, { template: 'sunspec-meter', ...HOST }),
    await named(t, { template: 'sdm120', port: '/dev/ttyZ' }),
  ]);
  t.regex(plan, /^default\/mh-z19b +\/dev\/ttyX +\d+ ms +ff0186000000000079 +co2$/m);
  t.regex(plan, /^default\/pms5003 +\/dev\/ttyY +\d+ ms +none: it talks by itself +pm1 pm25/m);
  t.regex(plan, /^default\/sunspec-meter: asked first for its SunSpec models; the plan follows/m);
  t.notRegex(plan, /holding 40000/);
  t.regex(plan, /^serial:\/dev\/ttyZ: a round takes \d+ ms, [\d.]+ % of the line$/m);
});

/** A device of a template, all of it read each second: one group of reads. */
async function eachSecond(
  t: ExecutionContext,
  short: Readonly<Record<string, unknown>>,
): Promise<Device> {
  const device = await named(t, short);
  const properties = device.properties.map((one) => ({ ...one, collectCycleMs: 1000 }));
  return { ...device, properties };
}

/** What plan says of a device in JSON. */
async function planned(
  device: Device,
): Promise<{ roundMs: number; load: number; requests: { frame: string; lineMs: number }[] }> {
  const text = await said('mapper plan', [device], {}, { json: [''] });
  const { buses } = JSON.parse(text) as { buses: Awaited<ReturnType<typeof planned>>[] };
  const [bus] = buses;
  if (bus === undefined) throw new TypeError(text);
  return bus;
}

/** Characters of 11 bits, and 10 ms a request until a slave begins. */
const lineMs = (chars: number, baudRate: number, requests: number): number =>
  (chars * 11_000) / baudRate + requests * 10;

function near(t: ExecutionContext, told: number, ms: number): void {
  t.true(Math.abs(told - ms) < 1e-9, `${told}, not ${ms}`);
}

test('plan predicts a round from the characters of each frame and the silences', async (t) => {
  // 8 characters ask; 5 and 2 a register answer; 3.5 of silence before each.
  const chars = [8 + 5 + 2 * 32 + 7, 8 + 5 + 2 * 6 + 7, 8 + 5 + 2 * 2 + 7];
  t.deepEqual(chars, [84, 32, 24]);
  const short = { template: 'sdm120', port: '/dev/ttyZ' };
  const slow = await planned(await eachSecond(t, short));
  t.is(slow.requests.length, 3);
  slow.requests.forEach((one, index) => near(t, one.lineMs, lineMs(chars[index] ?? 0, 2400, 1)));
  near(t, slow.roundMs, lineMs(140, 2400, 3));
  // Each is asked once a second.
  near(t, slow.load, lineMs(140, 2400, 3) / 1000);
  const quick = await eachSecond(t, { ...short, baudRate: 9600 });
  near(t, (await planned(quick)).roundMs, lineMs(140, 9600, 3));
  t.regex(
    await said('mapper plan', [quick]),
    /^serial:\/dev\/ttyZ: a round takes 190 ms, 19\.0 % of the line$/m,
  );
  // Silence that the device wants beyond the line's 4.01 ms takes the place of one of the two.
  const shy = await planned(await eachSecond(t, { ...short, baudRate: 9600, silence: 50 }));
  near(t, shy.roundMs, lineMs(140 - 3 * 3.5, 9600, 3) + 3 * 50);
});

test('plan of an ASCII line has its frames, its characters and no silences', async (t) => {
  // A colon, two digits a byte, CR and LF: 17 characters ask, 11 and 4 a register answer.
  const chars = [17 + 11 + 4 * 32, 17 + 11 + 4 * 6, 17 + 11 + 4 * 2];
  t.deepEqual(chars, [156, 52, 36]);
  const line = { transport: 'ascii', port: '/dev/ttyZ', baudRate: 9600, format: '7E1' };
  const device = await eachSecond(t, { template: 'sdm120', ...line });
  const { requests, roundMs, load } = await planned(device);
  requests.forEach((one, index) => near(t, one.lineMs, lineMs(chars[index] ?? 0, 9600, 1)));
  near(t, roundMs, lineMs(244, 9600, 3));
  near(t, load, lineMs(244, 9600, 3) / 1000);
  // 01 + 04 + 00 + 00 + 00 + 20 is 25, and 25 + DB is 100.
  t.is(requests[0]?.frame, ':010400000020DB');
  const plan = await said('mapper plan', [device]);
  t.regex(plan, /^serial:\/dev\/ttyZ: a round takes 310 ms, 31\.0 % of the line$/m);
  t.regex(plan, / :010400000020DB +voltage current /);
});

test('plan tells requests a second on TCP, whose time is the network’s, and an empty list', async (t) => {
  const plan = await said('mapper plan', [await named(t, { template: 'xy-md02', ...HOST })]);
  t.regex(
    plan,
    /^tcp:127.0.0.1:502: [\d.]+ requests? a second; their time depends on the network$/m,
  );
  t.notRegex(plan, /\bMS\b/);
  t.is(await said('mapper plan', []), 'no devices\n');
});

test('scan takes the transport that the server speaks, and no other', async (t) => {
  const where = { host: ['127.0.0.1'], 'tcp-port': ['1'], units: ['1'] };
  const scan = (transport: string): Promise<string> =>
    said('mapper scan', [], {}, { ...where, transport: [transport] });
  const wrong = await t.throwsAsync(scan('rtu'), { instanceOf: EdgeError });
  t.is(wrong.hint, 'Use one of: tcp, rtu-over-tcp, udp.');
  await t.throwsAsync(scan('rtu-over-tcp'), { message: /^rtu-over-tcp 127.0.0.1:1/ });
});

test('a new template has a name that check takes', async (t) => {
  const make = (NAME: string): Promise<string> => said('mapper template new', [], { NAME });
  const wrong = await t.throwsAsync(make('Bad Name'), { instanceOf: EdgeError });
  t.is(wrong.code, 'EDGE_USAGE');
  const text = await make('mine');
  t.regex(text, /^metadata:\n {2}name: mine$/m);
  const { documents, issues } = await parseYaml('mine.yaml', text);
  t.deepEqual(issues, []);
  t.like(documents[0]?.value, { kind: 'DeviceModel', spec: { protocol: 'modbus' } });
});

test('a new template may be of a serial sensor, which cannot be asked what it is', async (t) => {
  const make = (more: Readonly<Record<string, readonly string[]>>): Promise<string> =>
    said('mapper template new', [], { NAME: 'mine' }, { protocol: ['serial'], ...more });
  const { documents } = await parseYaml('mine.yaml', await make({}));
  t.like(documents[0]?.value, { metadata: { name: 'mine' }, spec: { protocol: 'serial' } });
  const wrong = await t.throwsAsync(make({ host: ['127.0.0.1'] }), { instanceOf: EdgeError });
  t.is(wrong.code, 'EDGE_USAGE');
});
