import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type {
  Mapper,
  MapperHost,
  MapperModule,
  WriteOutcome,
  WriteRequest,
} from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { formatVersion, NO_VERSION } from '#protocol/twin.js';
import type { Value } from '#protocol/twin.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { DeviceTwin } from './device-twin.js';
import { MapperRunner } from './mapper-host.js';
import { TAP } from './test-twins.js';

async function turns(): Promise<void> {
  for (let i = 0; i < 500; i++) await Promise.resolve();
}

/** A mapper whose writes end when the test says how. */
class TestMapper implements Mapper {
  readonly host: MapperHost;
  writes: { request: WriteRequest; end: (outcome: WriteOutcome) => void }[] = [];
  started: ReadonlyMap<string, unknown> | undefined;
  stopped = false;

  constructor(host: MapperHost) {
    this.host = host;
  }

  start(devices: Parameters<Mapper['start']>[0]): Promise<void> {
    this.started = devices[0]?.applied;
    return Promise.resolve();
  }

  write(request: WriteRequest): Promise<WriteOutcome> {
    if (request.value === 666) throw new TypeError('thrown by the mapper');
    return new Promise((end) => this.writes.push({ request, end }));
  }

  status() {
    return { protocolName: 'test', devices: [], counters: {} };
  }

  stop(): Promise<void> {
    this.stopped = true;
    return Promise.resolve();
  }

  get open(): string[] {
    return this.writes.map(
      ({ request }) =>
        `${request.property}=${JSON.stringify(request.value)} ${formatVersion(request.version)}`,
    );
  }

  async end(outcome: WriteOutcome = { ok: true }): Promise<void> {
    this.writes.shift()?.end(outcome);
    await turns();
  }
}

async function gateway(storage = new MemoryStorage(), create?: MapperModule['create']) {
  const clock = new ManualClock();
  const random = seededRandom(storage.actions + 1);
  const log = silentLog;
  const store = await openStore<GatewayTables>(storage, { clock, random, log });
  const meta = await MetaStore.open(store, { clock, random, log });
  const twins = new DeviceTwin({ meta, devices: [TAP], clock, log });
  const runner = new MapperRunner({ twins, clock, random, log });
  const mappers: TestMapper[] = [];
  const module: MapperModule = {
    protocolName: 'test',
    validate: () => [],
    create: (host) => {
      const made = create?.(host);
      if (made !== undefined) return made;
      const mapper = new TestMapper(host);
      mappers.push(mapper);
      return mapper;
    },
  };
  await runner.start([module]);
  await turns();
  const desire = async (n: number, value: Value): Promise<void> => {
    const { incarnation } = twins.device(TAP.id)!;
    const row = { device: TAP.id, incarnation, property: 'level', version: { gen: 1, n }, value };
    await twins.apply({ kind: 'desired', rows: [row] });
    await turns();
  };
  const level = () => twins.device(TAP.id)!.properties[0]!;
  return { storage, clock, twins, runner, mapper: mappers[0]!, mappers, desire, level };
}

const AWAY = { ok: false, code: 'EDGE_DEVICE_TIMEOUT', message: 'no answer', retry: true } as const;

test('what is desired is written once, one at a time, the newest next', async (t) => {
  const { mapper, desire, level } = await gateway();
  await desire(1, 10);
  await desire(2, 20);
  await desire(3, 30);
  t.deepEqual(mapper.open, ['level=10 1.1']);
  t.is(level().applied.n, 0, 'journaled only after it has ended');
  await mapper.end();
  t.deepEqual(mapper.open, ['level=30 1.3']);
  await mapper.end();
  t.deepEqual(mapper.open, []);
  t.is(level().applied.n, 3);
});

test('a write that a crash interrupted is made again, one that ended is not', async (t) => {
  const first = await gateway();
  await first.desire(1, 10);
  const second = await gateway(first.storage.crash(seededRandom(1)));
  t.deepEqual(second.mapper.open, ['level=10 1.1']);
  await second.mapper.end();
  const third = await gateway(second.storage.crash(seededRandom(2)));
  t.deepEqual(third.mapper.open, []);
  t.deepEqual(third.mapper.started?.get('level'), { gen: 1, n: 1 });
});

test('a refused write is over and says so; the next desired value is tried', async (t) => {
  const { mapper, desire, level } = await gateway();
  await desire(1, 10);
  await mapper.end({ ok: false, code: 'EDGE_DEVICE_EXCEPTION', message: '', retry: false });
  t.deepEqual(mapper.open, []);
  t.like(level(), { state: 'failed', reason: 'EDGE_DEVICE_EXCEPTION' });
  await desire(2, 20);
  t.deepEqual(mapper.open, ['level=20 1.2']);
});

test('a device that is away is tried again with backoff, told of once, and at once when back', async (t) => {
  const { mapper, desire, level, clock, twins } = await gateway();
  await desire(1, 10);
  const versions = new Set<number>();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    await mapper.end(AWAY);
    versions.add(level().reported!.version.n);
    t.deepEqual(mapper.open, []);
    waits.push(clock.nextAtMs()! - clock.now());
    clock.advance(waits.at(-1)!);
    await turns();
    t.deepEqual(mapper.open, ['level=10 1.1'], `try ${i}`);
  }
  t.is(versions.size, 1);
  t.true(waits.every((wait) => wait <= GATEWAY_LIMITS.writeRetryMaxMs));
  t.true(waits.at(-1)! > 10 * waits[0]!);
  await mapper.end(AWAY);
  const reading = { property: 'level', quality: 'good', timestamp: 1 } as const;
  const readings = [{ ...reading, value: 3, appliedVersion: NO_VERSION }];
  await twins.report({ device: TAP.id, readings });
  await turns();
  t.deepEqual(mapper.open, ['level=10 1.1'], 'the device answers again');
});

test('a newer value does not wait for the backoff of an older one', async (t) => {
  const { mapper, desire } = await gateway();
  await desire(1, 10);
  await mapper.end(AWAY);
  await desire(2, 20);
  t.deepEqual(mapper.open, ['level=20 1.2']);
});

test('a local write is written at once, and the cloud wins it back', async (t) => {
  const { mapper, desire, twins } = await gateway();
  await desire(1, 10);
  await mapper.end();
  await twins.writeLocal({ device: TAP.id, property: 'level', value: 11, actor: 'cli' });
  await turns();
  t.deepEqual(mapper.open, ['level=11 0.0']);
  await mapper.end();
  await desire(2, 20);
  t.deepEqual(mapper.open, ['level=20 1.2']);
});

test('a mapper that throws in a write, in start or at once hurts nobody', async (t) => {
  const thrown = await gateway();
  await thrown.desire(1, 666);
  t.like(thrown.level(), { state: 'failed', reason: 'EDGE_INTERNAL' });
  await thrown.desire(2, 20);
  t.deepEqual(thrown.mapper.open, ['level=20 1.2']);

  let failures = 2;
  const late = await gateway(new MemoryStorage(), () => {
    if (failures-- > 0) throw new EdgeError('EDGE_DEVICE_CLOSED', 'no port');
    return undefined as unknown as Mapper;
  });
  t.is(late.runner.status().failing['test'], 'EDGE_DEVICE_CLOSED: no port');
  await late.desire(1, 10);
  for (let i = 0; i < 3; i++) {
    late.clock.advance(GATEWAY_LIMITS.mapperRetryMaxMs);
    await turns();
  }
  t.deepEqual(late.runner.status().failing, {});
  t.deepEqual(late.mappers[0]!.open, ['level=10 1.1']);
  await late.runner.stop();
  t.true(late.mappers[0]!.stopped);
});

test('a value that does not fit the property is never handed to the mapper', async (t) => {
  const { mapper, desire, level } = await gateway();
  await desire(1, 'text');
  t.deepEqual(mapper.open, []);
  t.like(level(), { state: 'failed', reason: 'EDGE_TYPE' });
});

test('a mapper reports the devices of its own protocol only', async (t) => {
  const { mapper, twins } = await gateway();
  await twins.reload([
    TAP,
    { ...TAP, id: 'default/o', protocol: { protocolName: 'x', configData: {} } },
  ]);
  const report = { device: 'default/o', readings: [] };
  await t.throwsAsync(() => mapper.host.report(report), { code: 'EDGE_NO_DEVICE' });
});
