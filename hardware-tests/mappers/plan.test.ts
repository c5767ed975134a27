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
