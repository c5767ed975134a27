import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { writeHubDocuments } from '#protocol/hub-device.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type { MappedDevice, Mapper, MapperHost, MapperModule } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import type { HubDeviceRow } from '#protocol/sync-message-desired.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { DeviceTwin } from './device-twin.js';
import { MapperRunner } from './mapper-host.js';

async function turns(): Promise<void> {
  for (let i = 0; i < 500; i++) await Promise.resolve();
}

/** A device of the hub: its documents with this setting; undefined is a tombstone. */
function row(name: string, n: number, setting: number | undefined): HubDeviceRow {
  const head = { apiVersion: 'devices.kubeedge.io/v1beta1' };
  const device = {
    ...{ ...head, kind: 'Device', metadata: { name } },
    spec: {
      deviceModelRef: { name: 'tap' },
      nodeName: 'n',
      protocol: { protocolName: 'test', configData: { setting } },
      properties: [{ name: 'level', visitors: { protocolName: 'test', configData: {} } }],
    },
  };
  const model = {
    ...{ ...head, kind: 'DeviceModel', metadata: { name: 'tap' } },
    spec: { properties: [{ name: 'level', type: 'INT', accessMode: 'ReadWrite' }] },
  };
  return {
    device: `default/${name}`,
    version: { gen: 1, n },
    incarnation: { gen: 1, n: name.charCodeAt(0) - 96 },
    documents: setting === undefined ? null : writeHubDocuments({ device, model }),
  };
}

/** Keeps what it was told, and can be held up in `drop`. */
class DroppingMapper implements Mapper {
  readonly log: string[] = [];
  readonly host: MapperHost;
  dropped: Promise<void> = Promise.resolve();

  constructor(host: MapperHost) {
    this.host = host;
  }

  async start(devices: readonly MappedDevice[]): Promise<void> {
    for (const { device: one, applied } of devices)
      this.log.push(
        `start ${one.id} ${String(one.protocol.configData['setting'])} ${applied.get('level')?.n}`,
      );
  }

  async drop(devices: readonly DeviceId[]): Promise<void> {
    this.log.push(`drop ${devices.join(' ')}`);
    await this.dropped;
  }

  write({ device: id, value }: Parameters<Mapper['write']>[0]): ReturnType<Mapper['write']> {
    this.log.push(`write ${id} ${JSON.stringify(value)}`);
    return Promise.resolve({ ok: true });
  }

  status(): ReturnType<Mapper['status']> {
    return { protocolName: 'test', devices: [], counters: {} };
  }

  stop(): Promise<void> {
    this.log.push('stop');
    return Promise.resolve();
  }
}

async function gateway(devices: string) {
  const clock = new ManualClock();
  const random = seededRandom(4);
  const log = silentLog;
  const store = await openStore<GatewayTables>(new MemoryStorage(), { clock, random, log });
  const meta = await MetaStore.open(store, { clock, random, log });
  const twins = new DeviceTwin({ meta, devices: [], clock, log });
  const mappers: DroppingMapper[] = [];
  const module: MapperModule = {
    protocolName: 'test',
    validate: () => [],
    create: (host) => {
      const mapper = new DroppingMapper(host);
      mappers.push(mapper);
      return mapper;
    },
  };
  const runner = new MapperRunner({
    twins,
    clock,
    random,
    log,
    load: () => Promise.resolve(module),
  });
  await runner.start([module]);
  let n = 100;
  /** What the hub says of devices, `{ a: 1, b: undefined }`, until the mapper was told. */
  const tell = async (settings: Readonly<Record<string, number | undefined>>): Promise<void> => {
    const rows = Object.entries(settings).map(([name, setting]) => row(name, (n += 1), setting));
    await twins.apply({ kind: 'hub-devices', rows });
    await turns();
    clock.advance(GATEWAY_LIMITS.mapperRestartMs);
    await turns();
  };
  const desire = async (name: string, value: number): Promise<void> => {
    const device = `default/${name}`;
    const { incarnation } = twins.device(device)!;
    const version = { gen: 1, n: (n += 1) };
    const rows = [{ device, incarnation, property: 'level', version, value }];
    await twins.apply({ kind: 'desired', rows });
    await turns();
  };
  /** What the newest mapper was told since the last look. */
  const told = (): string[] => mappers.at(-1)!.log.splice(0);
  await tell(Object.fromEntries(Array.from(devices, (name) => [name, 1])));
  return { clock, mappers, tell, desire, told };
}

test('only the device that changed is dropped and started again; no mapper is made anew', async (t) => {
  const { tell, told, mappers, desire } = await gateway('ab');
  t.deepEqual(told(), ['start default/a 1 0', 'start default/b 1 0']);
  await desire('b', 7);
  t.deepEqual(told(), ['write default/b 7']);
  await tell({ b: 2 });
  const [dropped, started] = told();
  t.is(dropped, 'drop default/b');
  t.regex(started ?? '', /^start default\/b 2 [1-9]/, 'with the label of what was written');
  await tell({ c: 1 });
  t.deepEqual(told(), ['start default/c 1 0']);
  await tell({ b: undefined, c: undefined });
  t.deepEqual(told(), ['drop default/b default/c']);
  t.is(mappers.length, 1);
});

test('a mapper without devices is stopped, and made anew when one comes', async (t) => {
  const { tell, told, mappers } = await gateway('a');
  await tell({ a: undefined });
  t.is(told().at(-1), 'stop');
  await tell({ b: 1 });
  t.is(mappers.length, 2);
  t.deepEqual(told(), ['start default/b 1 0']);
});

test('between two lives of a device nobody writes to it; its neighbour is written to', async (t) => {
  const { told, tell, desire, mappers } = await gateway('ab');
  told();
  let release: () => void = () => undefined;
  mappers[0]!.dropped = new Promise((resolve) => (release = resolve));
  await tell({ b: 2 });
  t.deepEqual(told(), ['drop default/b']);
  await desire('a', 4);
  await desire('b', 5);
  t.deepEqual(told(), ['write default/a 4']);
  release();
  await turns();
  const [started, written] = told();
  t.regex(started ?? '', /^start default\/b 2/);
  t.is(written, 'write default/b 5');
});

test('a drop that throws costs a fresh start; one that never ends is not waited for', async (t) => {
  const { clock, tell, told, mappers } = await gateway('ab');
  mappers[0]!.dropped = Promise.reject(new EdgeError('EDGE_INTERNAL', 'cannot'));
  await tell({ b: 2 });
  t.is(mappers.length, 2);
  t.deepEqual(told(), ['start default/a 1 0', 'start default/b 2 0']);
  mappers[1]!.dropped = new Promise(() => undefined);
  await tell({ b: 3 });
  t.deepEqual(told(), ['drop default/b']);
  clock.advance(GATEWAY_LIMITS.mapperStopMs);
  await turns();
  t.deepEqual(told(), ['start default/b 3 0']);
});
