import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { Arguments } from '#protocol/command-line/parse.js';
import { EdgeError } from '#protocol/errors.js';
import { seededRandom } from '#protocol/random.js';
import { loadMapper } from '#mappers/registry.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { simulate } from '#mappers/tools/simulate.js';
import { NO_FAULTS } from '#mappers/tools/slave.js';
import { mapperVerbs } from '#mappers/tools/verbs.js';
import { namedDevices } from '#runtime/cli/named-devices.js';

const devices = namedDevices(loadMapper, { names: templateNames, load: loadTemplate });
const VERBS = mapperVerbs({ devices, clock: systemClock, random: seededRandom(5) });
const signal = new AbortController().signal;

interface Told {
  readonly out: string;
  readonly err: string;
  readonly error?: EdgeError;
}

/** Runs a verb as the command line would: what it wrote, and how it failed. */
async function tell(
  verb: string,
  file: string,
  operands: Record<string, string>,
  ...flags: readonly string[]
): Promise<Told> {
  let [out, err] = ['', ''];
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    signal,
  };
  const given = new Map(flags.map((flag): [string, string[]] => [flag, ['']]));
  const args = new Arguments(new Map(Object.entries(operands)), given.set('devices', [file]));
  try {
    await VERBS[verb]?.(args, terminal);
    return { out, err };
  } catch (thrown) {
    return { out, err, error: EdgeError.from(thrown) };
  }
}

async function run(verb: string, file: string, operands: Record<string, string>): Promise<string> {
  const { out, error } = await tell(verb, file, operands);
  if (error !== undefined) throw error;
  return out;
}

async function file(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-told-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'meters.yaml'), text);
  return join(folder, 'meters.yaml');
}

const ports = { clock: systemClock, random: seededRandom(5) };

/** `u` and `i` are in the slave, `far` is not; `p` and `hot` are made of others. */
function pump(settings: string, ...names: readonly string[]): string {
  const register = (offset: number): string =>
    `{ register: HoldingRegister, offset: ${offset}, dataType: uint16 }`;
  const places: Readonly<Record<string, string>> = {
    u: register(0),
    i: register(1),
    far: register(90),
    p: "{ calculate: 'u * i' }",
    hot: '{ alarmOf: u, high: 0 }',
  };
  const properties = names.map((name) => {
    const type = name === 'hot' ? 'BOOLEAN' : 'INT';
    return `    - { name: ${name}, type: ${type}, accessMode: ReadOnly, visitors: { protocolName: modbus, configData: ${places[name] ?? ''} } }\n`;
  });
  return `apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata: { name: pump }
spec:
  protocol: modbus
  properties:
${properties.join('')}---
template: pump
name: m
transport: tcp
${settings}
`;
}

/** A slave with `u` of 1 and `i` of 2 at unit 1, and how it is reached. */
async function served(t: ExecutionContext): Promise<string> {
  const given = new Map([['devices', [await file(t, pump('host: 127.0.0.1', 'u', 'i'))]]]);
  const all = await devices(new Arguments(new Map(), given));
  const simulation = await simulate(all, { tcpPort: 0 }, NO_FAULTS, ports);
  t.teardown(() => simulation.stop());
  const [, tcpPort] = simulation.address.split(':');
  return `host: 127.0.0.1\ntcpPort: ${tcpPort}\n`;
}

test('read of one property reads what it is made of too, and shows it alone', async (t) => {
  const where = `${await served(t)}timeout: 10000`;
  const meters = await file(t, pump(where, 'u', 'i', 'far', 'p', 'hot'));
  const values = async (PROPERTY: string): Promise<unknown> => {
    const { out, error } = await tell(
      ...(['mapper read', meters, { 'NAMESPACE/NAME': 'm', PROPERTY }, 'json'] as const),
    );
    t.is(error, undefined);
    const { readings, counters } = JSON.parse(out) as {
      readings: { property: string; value: unknown; quality: string }[];
      counters: Record<string, number>;
    };
    // What the device does not have is not asked for.
    t.is(counters['exceptions'], undefined);
    return readings.map(({ property, value, quality }) => [property, value, quality]);
  };
  t.deepEqual(await values('p'), [['p', 2, 'good']]);
  t.deepEqual(await values('hot'), [['hot', true, 'good']]);
  t.deepEqual(await values('i'), [['i', 2, 'good']]);
});

test('read of a port that is not there says which, with the code of the readings', async (t) => {
  const port = '/dev/serial/by-id/nothing';
  const meters = await file(t, `template: sdm120\nname: m\nport: ${port}\n`);
  const { out, err, error } = await tell('mapper read', meters, { 'NAMESPACE/NAME': 'm' });
  t.regex(out, /^voltage +- +V +bad +EDGE_DEVICE_CLOSED$/m);
  t.is(err, '');
  t.is(error?.code, 'EDGE_DEVICE_CLOSED');
  t.regex(
    error?.message ?? '',
    /^default\/m gave no value: \/dev\/serial\/by-id\/nothing cannot be/,
  );
  t.regex(error?.hint ?? '', /group dialout/);
});

test('read of a register that the device does not have names the exception', async (t) => {
  const where = `${await served(t)}timeout: 10000`;
  const operands = { 'NAMESPACE/NAME': 'm' };
  const refused = 'far: the device answered with exception 2, ILLEGAL DATA ADDRESS';
  const only = await file(t, pump(where, 'far'));
  const alone = await tell('mapper read', only, operands);
  t.is(alone.error?.code, 'EDGE_DEVICE_EXCEPTION');
  t.is(alone.error?.message, `default/m gave no value: ${refused}`);
  // Beside values it is no failure of the command, and is told.
  const beside = await tell('mapper read', await file(t, pump(where, 'u', 'far')), operands);
  t.is(beside.error, undefined);
  t.regex(beside.out, /^u +1 +good$/m);
  t.regex(beside.err, new RegExp(`^default/m: ${refused}$`, 'm'));
  // Refused together, and alone.
  t.regex(beside.err, /^counted: .*exceptions 2\b/m);
});

test('read of a device that is silent counts the time-outs, in JSON too', async (t) => {
  const meters = await file(t, pump(`${await served(t)}unit: 9\ntimeout: 20`, 'u'));
  const { out, error } = await tell(
    ...(['mapper read', meters, { 'NAMESPACE/NAME': 'm' }, 'json'] as const),
  );
  t.is(error?.code, 'EDGE_DEVICE_TIMEOUT');
  t.regex(error?.message ?? '', /^default\/m gave no value: u: /);
  const said = JSON.parse(out) as { detail: string; counters: { timeouts: number } };
  t.regex(said.detail, /^u: /);
  t.true(said.counters.timeouts >= 1);
});

test('watch tells what is wrong beside the readings, once, and each time in JSON', async (t) => {
  const meters = await file(t, 'template: sdm120\nname: m\nport: /dev/serial/by-id/nothing\n');
  const missing = /\/dev\/serial\/by-id\/nothing cannot be opened/;
  const watch = async (...flags: readonly string[]): Promise<[string[], string[]]> => {
    const [out, err]: [string[], string[]] = [[], []];
    const ended = new AbortController();
    const terminal = {
      out: (text: string) => {
        out.push(text);
        if (out.length >= 3) ended.abort();
      },
      err: (text: string) => void err.push(text),
      signal: ended.signal,
    };
    const given = new Map(flags.map((flag): [string, string[]] => [flag, ['']]));
    const operands = new Map([['NAMESPACE/NAME', 'm']]);
    await VERBS['mapper watch']?.(
      new Arguments(operands, given.set('devices', [meters])),
      terminal,
    );
    return [out, err];
  };
  const [out, err] = await watch();
  t.is(out[0], 'voltage - V bad EDGE_DEVICE_CLOSED\n');
  t.is(err.length, 1);
  t.regex(err[0] ?? '', missing);
  const [lines] = await watch('json');
  for (const line of lines) t.regex((JSON.parse(line) as { detail: string }).detail, missing);
});

test('a write to a property that is only read says so, and what to do', async (t) => {
  const meters = await file(t, 'template: sdm120\nname: m\nhost: 127.0.0.1\ntcpPort: 1\n');
  const operands = { 'NAMESPACE/NAME': 'm', PROPERTY: 'voltage', VALUE: '1' };
  const error = await t.throwsAsync(run('mapper write', meters, operands));
  t.like(error, { code: 'EDGE_READ_ONLY', message: 'voltage is ReadOnly' });
  t.like(error, {
    hint: 'If the device can be written there, say accessMode: ReadWrite in its model.',
  });
});

test('a file of devices that is not there is named as it was written, and where it was looked for', async (t) => {
  const error = await t.throwsAsync(run('mapper plan', 'nofile.yaml', {}));
  t.like(error, { code: 'EDGE_CONFIG' });
  t.regex(error.message, /^nofile\.yaml is \/.*\/nofile\.yaml, which is no file$/);
});

test('the list of templates says what each was proven with', async (t) => {
  const lines = (await run('mapper template list', '', {})).split('\n');
  t.regex(lines[0] ?? '', /^TEMPLATE +VERIFIED +EXCHANGE +DEVICE$/);
  for (const said of [/^abb-b23 .* register map /, /^pms5003 .* recorded /, /^iem3155 .* live /])
    t.true(
      lines.some((line) => said.test(line)),
      String(said),
    );
});
