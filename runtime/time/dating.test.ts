import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { Samples } from '#protocol/sync-message-samples.js';
import type { Welcome } from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import { DeviceTwin } from '../devicetwin/device-twin.js';
import { wholeUplink } from '../devicetwin/twin-rows.js';
import { History } from '../history/history.js';
import { SampleChannel } from '../history/sample-channel.js';
import { METER, settle } from '../history/test-history.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { keptFloorMs, TimeKeeper } from './time-keeper.js';
import { WallClock } from './wall-clock.js';

const FLOOR = Date.UTC(2026, 10, 1);
const TODAY = Date.UTC(2026, 10, 22);

/** A gateway's process on a board without a clock; `upMs`: since when that runs. */
async function boot(storage: MemoryStorage, folder: MemoryStorage, osBoot: string, upMs = 0) {
  const system = new ManualClock(0);
  const options = { clock: system, random: seededRandom(upMs), log: silentLog };
  const meta = await MetaStore.open(await openStore<GatewayTables>(storage, options), options);
  const uptime = { osBoot, offsetMs: upMs - system.now() };
  const clock = new WallClock(system, keptFloorMs(meta), uptime);
  const time = new TimeKeeper(clock, { meta, log: silentLog });
  const history = await History.open({ meta, storage: folder, clock, log: silentLog });
  const twins = new DeviceTwin({ meta, devices: [METER], history, clock, log: silentLog });
  const report = (value: number, timestamp = clock.wallTime()) =>
    twins.report({
      device: METER.id,
      readings: [
        ...[{ property: 'power', value, timestamp, quality: 'good' as const }].map((reading) => ({
          ...reading,
          appliedVersion: NO_VERSION,
        })),
      ],
    });
  /** What would leave for the hub now. */
  const rows = () =>
    wholeUplink(meta).rows.map(({ value, timestamp, clock: quality }) => ({
      ...{ value, timestamp, quality },
    }));
  const samples = async (): Promise<unknown[]> => {
    const channel = new SampleChannel(history, meta, silentLog);
    const welcome = { features: ['samples'], known: { state: 0, samples: 0 } };
    channel.begin(welcome as unknown as Welcome);
    channel.next(1, 1e6);
    await settle();
    const { rows: sent } = channel.next(1, 1e6)?.message as Samples;
    return sent.map(({ value, timestamp, clock: quality }) => ({ value, timestamp, quality }));
  };
  const hear = (wallMs: number): void => time.heard({ wallMs } as Welcome);
  const stop = async (): Promise<void> => {
    time.stop();
    twins.stop();
    history.close();
    await meta.close();
  };
  return { system, meta, twins, history, report, rows, samples, hear, stop };
}

test('what was taken before the hub told the time leaves dated back, of an earlier process too', async (t) => {
  const [storage, folder] = [new MemoryStorage(), new MemoryStorage()];
  const first = await boot(storage, folder, 'boot-1', 10_000);
  await first.report(1);
  t.deepEqual(first.rows(), [{ value: 1, timestamp: FLOOR, quality: 'floor' }]);
  first.system.advance(5000);
  await first.stop();

  const second = await boot(storage, folder, 'boot-1', 60_000);
  await second.report(2);
  second.hear(TODAY);
  t.deepEqual(second.rows(), [{ value: 2, timestamp: TODAY, quality: 'synced' }]);
  t.is(second.twins.device(METER.id)?.properties[0]?.reported?.timestamp, TODAY);
  t.deepEqual(await second.samples(), [
    { value: 1, timestamp: TODAY - 50_000, quality: 'synced' },
    { value: 2, timestamp: TODAY, quality: 'synced' },
  ]);
  await second.report(3);
  t.is(second.meta.get('reported', `${METER.id}/power`)?.taken, undefined);
  await second.stop();

  const third = await boot(storage, folder, 'boot-2');
  const question = { device: METER.id, property: 'power', from: 0, to: Infinity };
  const { samples } = await third.history.query({ ...question, after: 0, limit: 10 });
  t.deepEqual(
    samples.map(({ timestamp, clock }) => [timestamp, clock]),
    [TODAY - 50_000, TODAY, TODAY].map((timestamp) => [timestamp, 'synced']),
  );
  await third.stop();
});

test('the same time is told of a sample each time, unless what dated it was wrong', async (t) => {
  const [storage, folder] = [new MemoryStorage(), new MemoryStorage()];
  const first = await boot(storage, folder, 'boot-1');
  await first.report(1);
  first.hear(TODAY);
  const told = await first.samples();
  await first.stop();
  for (const [laterMs, offMs] of [
    [60_000, 3],
    [120_000, 3_600_000],
  ] as const) {
    const process = await boot(storage, folder, 'boot-1', laterMs);
    process.hear(TODAY + laterMs + offMs);
    const [sample] = (await process.samples()) as { timestamp: number }[];
    if (offMs === 3) t.deepEqual([sample], told);
    else t.is(sample?.timestamp, TODAY + offMs);
    await process.stop();
  }
});

test('a time of another boot, or of another clock, stays as it is and says so', async (t) => {
  const [storage, folder] = [new MemoryStorage(), new MemoryStorage()];
  const first = await boot(storage, folder, 'boot-1');
  await first.report(1);
  await first.stop();
  const second = await boot(storage, folder, 'boot-2');
  await second.report(2, 86_400_000);
  second.hear(TODAY);
  t.deepEqual(second.rows(), [{ value: 2, timestamp: 86_400_000, quality: 'unknown' }]);
  t.like(await second.samples(), [
    { value: 1, quality: 'floor' },
    { value: 2, timestamp: 86_400_000, quality: 'unknown' },
  ]);
  await second.stop();
});
