import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type {
  CommandOutcome,
  CommandRequest,
  Mapper,
  WriteOutcome,
  WriteRequest,
} from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import type { Command } from '#protocol/sync-message-command.js';
import type { Value } from '#protocol/twin.js';
import { DeviceTwin } from '../devicetwin/device-twin.js';
import { MapperRunner } from '../devicetwin/mapper-host.js';
import { TAP } from '../devicetwin/test-twins.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { CommandRunner } from './command-runner.js';
import { COMMAND_LIMITS } from './limits.js';

const DEVICE = {
  ...TAP,
  methods: [
    { name: 'pour', properties: ['open', 'level'] },
    { name: 'home', properties: [] },
  ],
};
const OK: WriteOutcome = { ok: true };

/** Writes and commands end when the test says how. */
class SlowMapper {
  writes: { request: WriteRequest; end: (outcome: WriteOutcome) => void }[] = [];
  command?: (request: CommandRequest) => Promise<CommandOutcome>;

  start(): Promise<void> {
    return Promise.resolve();
  }

  write(request: WriteRequest): Promise<WriteOutcome> {
    return new Promise((end) => this.writes.push({ request, end }));
  }

  status() {
    return { protocolName: 'test', devices: [], counters: {} };
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  get open(): string[] {
    return this.writes.map(
      ({ request: { property, value } }) => `${property}=${JSON.stringify(value)}`,
    );
  }

  end(outcome: WriteOutcome): void {
    this.writes.shift()?.end(outcome);
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < 300; i++) await Promise.resolve();
}

async function setUp(mapper = new SlowMapper(), external?: CommandOutcome) {
  const clock = new ManualClock();
  const options = { clock, random: seededRandom(1), log: silentLog };
  const store = await openStore<GatewayTables>(new MemoryStorage(), options);
  const meta = await MetaStore.open(store, options);
  const twins = new DeviceTwin({ meta, devices: [DEVICE], clock, log: silentLog });
  const mappers = new MapperRunner({ twins, ...options });
  const module = { protocolName: 'test', validate: () => [], create: (): Mapper => mapper };
  await mappers.start(external === undefined ? [module] : []);
  const runner = new CommandRunner({
    ...{ twins, clock, lanes: mappers.lanes },
    mapper: (name) => mappers.mapper(name),
    external: () => Promise.resolve(external ?? { ok: true }),
  });
  const job = (method: string, args: Value, notAfterMs = 1000) => {
    const incarnation = twins.device(TAP.id)?.incarnation ?? { gen: 0, n: 0 };
    const message: Command = {
      ...{ kind: 'command', epoch: 1, command: '00000000000000aa', device: TAP.id },
      ...{ incarnation, method, args, ttlMs: 1000, issuedMs: 0 },
    };
    return { message, notAfterMs };
  };
  const write = (level: number) =>
    twins.writeLocal({ device: TAP.id, property: 'level', value: level, actor: 'cli' });
  return { clock, mapper, runner, job, write, twins };
}

test('each property is written once, in the order of the method', async (t) => {
  const { mapper, runner, job } = await setUp();
  const ending = runner.run(job('pour', { level: 3, open: 1 }));
  await turns();
  t.deepEqual(mapper.open, ['open=1']);
  t.like(mapper.writes[0]?.request, { command: { id: '00000000000000aa', notAfterMs: 1000 } });
  mapper.end(OK);
  await turns();
  t.deepEqual(mapper.open, ['level=3']);
  mapper.end(OK);
  t.deepEqual(await ending, { state: 'done' });
});

test('a command and a desired write of one property never interleave (I12)', async (t) => {
  const { mapper, runner, job, write } = await setUp();
  await write(5);
  await turns();
  t.deepEqual(mapper.open, ['level=5']);
  const ending = runner.run(job('pour', { level: 3, open: 1 }));
  await turns();
  t.deepEqual(mapper.open, ['level=5'], 'the command waits for the write under way');
  mapper.end(OK);
  await turns();
  t.deepEqual(mapper.open, ['open=1']);
  await write(6);
  await turns();
  t.deepEqual(mapper.open, ['open=1'], 'and the next desired write for the command');
  mapper.end(OK);
  await turns();
  t.deepEqual(mapper.open, ['level=3']);
  mapper.end(OK);
  t.is((await ending).state, 'done');
  await turns();
  t.deepEqual(mapper.open, ['level=6']);
});

test('commands of one device run one after the other, and late ones expire in the queue', async (t) => {
  const { clock, mapper, runner, job } = await setUp();
  const first = runner.run(job('pour', { open: 1 }));
  const second = runner.run(job('pour', { level: 2 }));
  await turns();
  t.deepEqual(mapper.open, ['open=1']);
  clock.advance(1001);
  mapper.end(OK);
  t.is((await first).state, 'done');
  t.like(await second, { state: 'expired', code: 'EDGE_EXPIRED' });
  t.deepEqual(mapper.open, []);
});

test('time that runs out between two writes ends it with what was written', async (t) => {
  const { clock, mapper, runner, job } = await setUp();
  const ending = runner.run(job('pour', { open: 1, level: 2 }));
  await turns();
  clock.advance(1001);
  mapper.end(OK);
  t.like(await ending, { state: 'failed', code: 'EDGE_EXPIRED' });
  t.regex((await ending).detail ?? '', /written before it: open/);
  t.deepEqual(mapper.open, []);
});

const OUTCOMES: readonly (readonly [string, WriteOutcome, string])[] = [
  [
    'an exception is a refusal',
    { ok: false, code: 'EDGE_DEVICE_EXCEPTION', message: '', retry: false },
    'failed',
  ],
  [
    'silence leaves it open',
    { ok: false, code: 'EDGE_DEVICE_TIMEOUT', message: '', retry: true },
    'unknown',
  ],
  [
    'what was never sent had no effect',
    { ok: false, code: 'EDGE_DEVICE_CLOSED', message: '', retry: true, effect: 'none' },
    'failed',
  ],
  [
    'some refusals leave it open',
    { ok: false, code: 'EDGE_DEVICE_EXCEPTION', message: '', retry: false, effect: 'unknown' },
    'unknown',
  ],
];
for (const [title, outcome, state] of OUTCOMES)
  test(`${title}, and nothing is tried again`, async (t) => {
    const { clock, mapper, runner, job } = await setUp();
    const ending = runner.run(job('pour', { open: 1, level: 2 }));
    await turns();
    mapper.end(outcome);
    t.is((await ending).state, state as 'failed');
    clock.advance(600_000);
    await turns();
    t.deepEqual(mapper.open, []);
  });

test('a mapper with methods of its own is called; what it throws leaves it open', async (t) => {
  const mapper = new SlowMapper();
  mapper.command = ({ method, args }) => Promise.resolve({ ok: true, value: { method, args } });
  const { runner, job } = await setUp(mapper);
  const value = { method: 'home', args: { fast: true } };
  t.deepEqual(await runner.run(job('home', { fast: true })), { state: 'done', value });
  mapper.command = () => Promise.reject(new TypeError('broken'));
  t.like(await runner.run(job('home', {})), { state: 'unknown', code: 'EDGE_INTERNAL' });
  mapper.command = () => Promise.resolve({ ok: true, value: 'x'.repeat(9000) });
  const { state, detail = '' } = await runner.run(job('home', {}));
  t.is(state, 'done');
  t.regex(detail, /left out/);
});

test('a method that nobody can carry out has failed', async (t) => {
  const { runner, job } = await setUp();
  t.like(await runner.run(job('home', {})), { state: 'failed', code: 'EDGE_UNSUPPORTED' });
});

test('a mapper that never ends leaves it open, and the device free', async (t) => {
  const { clock, mapper, runner, job } = await setUp();
  const stuck = runner.run(job('pour', { open: 1 }));
  await turns();
  clock.advance(COMMAND_LIMITS.effectMs);
  t.like(await stuck, { state: 'unknown', code: 'EDGE_TIMEOUT' });
  const next = runner.run(job('pour', { open: 0 }, Infinity));
  await turns();
  t.deepEqual(mapper.open, ['open=1', 'open=0']);
  mapper.writes.at(-1)?.end(OK);
  t.is((await next).state, 'done');
});

test('devices without a mapper here are called elsewhere', async (t) => {
  const failure = { ok: false, code: 'EDGE_DEVICE_CLOSED', message: 'nobody' } as const;
  const { runner, job } = await setUp(new SlowMapper(), failure);
  t.deepEqual(await runner.run(job('pour', { open: 1 })), {
    ...{ state: 'failed', code: 'EDGE_DEVICE_CLOSED', detail: 'nobody' },
  });
});

test('another life, an unknown device, a wrong method and wrong values are refused', async (t) => {
  const { runner, job, twins } = await setUp();
  const code = (method: string, args: Value, change: Partial<Command> = {}) =>
    runner.refusal({ ...job(method, args).message, ...change })?.code;
  t.is(code('pour', { open: 1 }), undefined);
  t.is(code('pour', { open: 1 }, { incarnation: { gen: 9, n: 9 } }), 'EDGE_INCARNATION');
  t.is(code('pour', { open: 1 }, { device: 'default/none' }), 'EDGE_NO_DEVICE');
  t.is(code('empty', {}), 'EDGE_NO_METHOD');
  t.is(code('pour', { open: 'wide' }), 'EDGE_TYPE');
  const late = runner.run(job('pour', { open: 1 }));
  await twins.reload([]);
  t.like(await late, { state: 'failed', code: 'EDGE_NO_DEVICE' });
});
