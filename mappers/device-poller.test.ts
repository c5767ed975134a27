import test from 'ava';
import type { Device, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type { MapperHost, Reading, ReportBatch, WriteOutcome } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { NO_VERSION } from '#protocol/twin.js';
import { DevicePoller } from './device-poller.js';
import type { Driver, PointResult } from './driver.js';
import { MAPPER_LIMITS } from './limits.js';

const property = (
  name: string,
  collectCycleMs: number,
  reportCycleMs = collectCycleMs,
): Property => ({
  name,
  type: 'float',
  access: 'ReadWrite',
  minimum: 0,
  maximum: 100,
  collectCycleMs,
  reportCycleMs,
  reportToCloud: true,
  visitor: { protocolName: 'p', configData: {} },
});

/** A poller whose driver answers when the test says so, on a clock that the test turns. */
class Bench {
  readonly clock = new ManualClock();
  readonly reads: {
    names: string[];
    urgent: boolean;
    answer: (value?: number) => Promise<void>;
  }[] = [];
  readonly writes: { value: unknown; end: (outcome?: WriteOutcome) => Promise<void> }[] = [];
  readonly batches: Reading[][] = [];
  readonly poller: DevicePoller;
  report: (batch: ReportBatch) => Promise<void> = async ({ readings }) => {
    this.batches.push([...readings]);
  };

  constructor(properties: readonly Property[]) {
    const protocol = { protocolName: 'p', configData: {} };
    const device: Device = { id: 'default/d', model: 'm', protocol, properties };
    const driver: Driver = {
      read: (points, urgent) =>
        new Promise<readonly PointResult[]>((resolve) => {
          const names = points.map(({ name }) => name);
          const answer = async (value = 1): Promise<void> => {
            const timestamp = this.clock.wallTime();
            resolve(names.map((name) => ({ property: name, value, quality: 'good', timestamp })));
            await settled();
          };
          this.reads.push({ names, urgent, answer });
        }),
      write: (_property, value) =>
        new Promise<WriteOutcome>((resolve) => {
          const end = async (outcome: WriteOutcome = { ok: true }): Promise<void> => {
            resolve(outcome);
            await settled();
          };
          this.writes.push({ value, end });
        }),
    };
    const host: MapperHost = {
      clock: this.clock,
      random: seededRandom(1),
      log: silentLog,
      report: (batch) => this.report(batch),
    };
    this.poller = new DevicePoller(device, new Map(), driver, host);
  }

  async advance(byMs: number): Promise<void> {
    this.clock.advance(byMs);
    await settled();
  }

  write(name: string, value: number, n: number): Promise<WriteOutcome> {
    return this.poller.write({
      device: 'default/d',
      property: name,
      value,
      version: { gen: 1, n },
    });
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('polls at the start and then by the cycle, without drifting', async (t) => {
  const bench = new Bench([property('a', 1000)]);
  bench.poller.start();
  const atMs: number[] = [];
  for (let step = 0; step < 3500; step += 100) {
    await bench.advance(step === 0 ? 0 : 100);
    while (bench.reads.length > atMs.length) {
      atMs.push(bench.clock.now());
      await bench.advance(70);
      await bench.reads.at(-1)?.answer();
    }
  }
  t.deepEqual(
    atMs.map((ms) => Math.floor(ms / 1000)),
    [0, 1, 2, 3],
  );
  t.is(bench.batches.length, 4);
  t.is(bench.poller.counters.skippedPolls, 0);
});

test('polls of one device never overlap: a late one is skipped and counted', async (t) => {
  const bench = new Bench([property('a', 100)]);
  bench.poller.start();
  await bench.advance(0);
  await bench.advance(350);
  t.is(bench.reads.length, 1);
  t.is(bench.poller.counters.skippedPolls, 3);
  await bench.reads[0]?.answer();
  await bench.advance(50);
  t.is(bench.reads.length, 2);
});

test('what is due while others are read is read next, not a cycle later', async (t) => {
  const bench = new Bench([property('fast', 100), property('slow', 150)]);
  bench.poller.start();
  await bench.advance(0);
  await bench.reads[0]?.answer();
  await bench.advance(100);
  t.deepEqual(bench.reads[1]?.names, ['fast']);
  await bench.advance(50);
  await bench.reads[1]?.answer();
  t.deepEqual(bench.reads[2]?.names, ['slow']);
});

test('one batch carries all readings of a poll', async (t) => {
  const bench = new Bench([property('a', 100), property('b', 100)]);
  bench.poller.start();
  await bench.advance(0);
  await bench.reads[0]?.answer(5);
  t.deepEqual(
    bench.batches.map((batch) => batch.map(({ property: name }) => name)),
    [['a', 'b']],
  );
  t.like(bench.batches[0]?.[0], { value: 5, quality: 'good', appliedVersion: NO_VERSION });
});

test('reports by the report cycle, and at once when the quality changes', async (t) => {
  const bench = new Bench([property('a', 100, 1000)]);
  bench.poller.start();
  for (let poll = 0; poll <= 10; poll += 1) {
    await bench.advance(poll === 0 ? 0 : 100);
    await bench.reads.at(-1)?.answer(poll === 4 ? 1000 : poll);
  }
  t.deepEqual(
    bench.batches.flat().map(({ value, quality, reason }) => [value, quality, reason]),
    [
      [0, 'good', undefined],
      [null, 'bad', 'EDGE_OUT_OF_RANGE'],
      [5, 'good', undefined],
      [10, 'good', undefined],
    ],
  );
});

/** Name, deadband, polls 100 ms apart of a report cycle of 1 s, and the polls that are reported. */
const ON_CHANGE: readonly (readonly [string, unknown, readonly number[], readonly number[]])[] = [
  ['what moves further than an absolute deadband', 2, [10, 12, 8.5, 12.1, 10.2, 10], [0, 3, 5]],
  ['what creeps out of it, by the last report', 2, [10, 11, 12, 13, 14, 15, 16], [0, 3, 6]],
  ['what moves further than a share of itself', '10%', [50, 55, 56, 51, 50, 46, 44], [0, 2, 4, 6]],
  ['any change, when the deadband is 0', 0, [1, 1, 2, 2, 1], [0, 2, 4]],
  ['what stays within it, a cycle after the last report', 2, [...steps(12)], [0, 10]],
  ['a cycle after a move', 2, [...steps(5), ...steps(14).map((n) => n + 9)], [0, 5, 15]],
  [
    'a change of quality or reason, whatever the deadband',
    1000,
    [1, 101, 102, NaN, 1, 1.5],
    [0, 1, 3, 4],
  ],
];

function steps(count: number): number[] {
  return Array.from({ length: count }, (_, n) => 10 + n / 100);
}

for (const [name, deadband, polled, reported] of ON_CHANGE)
  test(`report on change: ${name}`, async (t) => {
    const visitor = { protocolName: 'p', configData: { deadband } };
    const bench = new Bench([{ ...property('a', 100, 1000), visitor }]);
    bench.poller.start();
    for (const [poll, value] of polled.entries()) {
      await bench.advance(poll === 0 ? 0 : 100);
      await bench.reads[poll]?.answer(value);
      t.is(bench.batches.length, reported.filter((one) => one <= poll).length, `poll ${poll}`);
      const last = polled[reported.findLast((one) => one <= poll) ?? 0] ?? 0;
      t.is(bench.batches.at(-1)?.[0]?.value, last <= 100 ? last : null);
    }
  });

test('a reading that a write overtook is dropped for its read-back', async (t) => {
  const bench = new Bench([property('a', 1000)]);
  bench.poller.start();
  await bench.advance(0);
  const outcome = bench.write('a', 7, 1);
  await settled();
  await bench.writes[0]?.end();
  t.deepEqual(await outcome, { ok: true });
  t.deepEqual(
    bench.reads.map(({ urgent }) => urgent),
    [false, true],
  );
  await bench.reads[1]?.answer(7);
  await bench.reads[0]?.answer(1);
  t.deepEqual(
    bench.batches.flat().map(({ value, appliedVersion }) => [value, appliedVersion.n]),
    [[7, 1]],
  );
  t.is(bench.poller.counters.overtakenReadings, 1);
});

test('a write that will be tried again leaves the label, a refused one takes it', async (t) => {
  const bench = new Bench([property('a', 1000)]);
  const again = bench.write('a', 7, 1);
  await settled();
  await bench.writes[0]?.end({ ok: false, code: 'EDGE_DEVICE_TIMEOUT', message: '', retry: true });
  t.like(await again, { ok: false, retry: true });
  t.is(bench.reads.length, 0);
  bench.poller.start();
  await bench.advance(0);
  await bench.reads[0]?.answer(1);
  const refused = bench.write('a', 7, 2);
  await settled();
  await bench.writes[1]?.end({
    ok: false,
    code: 'EDGE_DEVICE_EXCEPTION',
    message: '',
    retry: false,
  });
  t.like(await refused, { ok: false, retry: false });
  await bench.reads[1]?.answer(1);
  t.deepEqual(
    bench.batches.flat().map(({ appliedVersion }) => appliedVersion.n),
    [0, 2],
  );
});

test('writes go one at a time, each followed by its read-back; too many are refused', async (t) => {
  const bench = new Bench([property('a', 1000)]);
  const outcomes = Array.from({ length: MAPPER_LIMITS.writesPerDevice + 1 }, (_, n) =>
    bench.write('a', n % 100, n),
  );
  await settled();
  t.is(bench.writes.length, 1);
  t.like(await outcomes.at(-1), { ok: false, code: 'EDGE_LIMIT', retry: true });
  await bench.writes[0]?.end();
  t.is(bench.writes.length, 1);
  await bench.reads[0]?.answer(0);
  t.is(bench.writes.length, 2);
});

test('a value that does not fit its property never reaches the driver', async (t) => {
  const bench = new Bench([property('a', 1000)]);
  const outcome = bench.write('a', 1000, 1);
  await settled();
  t.like(await outcome, { ok: false, code: 'EDGE_RANGE', retry: false });
  t.is(bench.writes.length, 0);
});

test('while the host is slow, newer readings replace those that wait', async (t) => {
  const bench = new Bench([property('a', 100)]);
  const ends: (() => void)[] = [];
  bench.report = async ({ readings }) => {
    bench.batches.push([...readings]);
    await new Promise<void>((resolve) => ends.push(resolve));
  };
  bench.poller.start();
  for (let poll = 0; poll < 5; poll += 1) {
    await bench.advance(poll === 0 ? 0 : 100);
    await bench.reads.at(-1)?.answer(poll);
  }
  t.is(bench.batches.length, 1);
  ends[0]?.();
  await settled();
  t.deepEqual(
    bench.batches.map(([reading]) => reading?.value),
    [0, 4],
  );
});

test('a reading that the host refuses does not take the others with it', async (t) => {
  const bench = new Bench([property('a', 100), property('b', 100)]);
  bench.report = async ({ readings }) => {
    if (readings.some((reading) => reading.property === 'a'))
      throw new EdgeError('EDGE_TYPE', 'no');
    bench.batches.push([...readings]);
  };
  bench.poller.start();
  await bench.advance(0);
  await bench.reads[0]?.answer(3);
  t.deepEqual(
    bench.batches.flat().map(({ property: name }) => name),
    ['b'],
  );
});

test('a driver that throws, and one that answers too little, are bad readings', async (t) => {
  const bench = new Bench([property('a', 100)]);
  const host: MapperHost = {
    clock: bench.clock,
    random: seededRandom(1),
    log: silentLog,
    report: (batch) => bench.report(batch),
  };
  const device: Device = {
    id: 'default/d',
    model: 'm',
    protocol: { protocolName: 'p', configData: {} },
    properties: [property('a', 100)],
  };
  let calls = 0;
  const driver: Driver = {
    read: async () => {
      calls += 1;
      if (calls === 1) throw new EdgeError('EDGE_DEVICE_FRAME', 'x');
      return [];
    },
    write: async () => ({ ok: true }),
  };
  const poller = new DevicePoller(device, new Map(), driver, host);
  poller.start();
  await bench.advance(0);
  await bench.advance(100);
  t.deepEqual(
    bench.batches.flat().map(({ quality, reason }) => [quality, reason]),
    [
      ['bad', 'EDGE_DEVICE_FRAME'],
      ['bad', 'EDGE_INTERNAL'],
    ],
  );
  await poller.stop();
});

test('stop waits for what is under way, at most the time it promises', async (t) => {
  const bench = new Bench([property('a', 100)]);
  bench.poller.start();
  await bench.advance(0);
  let stopped = false;
  const stop = bench.poller.stop().then(() => (stopped = true));
  await bench.advance(MAPPER_LIMITS.stopMs - 1);
  t.false(stopped);
  await bench.advance(1);
  await stop;
  t.true(stopped);
  await bench.reads[0]?.answer();
  t.is(bench.batches.length, 0);
  t.like(await bench.write('a', 1, 1), { ok: false, code: 'EDGE_DEVICE_CLOSED', retry: true });
  t.deepEqual(bench.clock.pending(), []);
});

test('a command writes a property that is ReadOnly, once, and leaves its label alone', async (t) => {
  const pulse = { ...property('pulse', 1000), access: 'ReadOnly' } as const;
  const bench = new Bench([pulse]);
  bench.poller.start();
  await bench.advance(0);
  const request = { device: 'default/d', property: 'pulse', value: 7, version: { gen: 1, n: 3 } };
  const desired = bench.poller.write(request);
  await settled();
  t.like(await desired, { ok: false, code: 'EDGE_READ_ONLY', effect: 'none' });
  await bench.reads[1]?.answer(1);
  const written = bench.poller.write({ ...request, command: { id: 'c', notAfterMs: 1e9 } });
  await settled();
  t.is(bench.writes.length, 1);
  await bench.writes[0]?.end({ ok: false, code: 'EDGE_DEVICE_TIMEOUT', message: '', retry: true });
  t.like(await written, { ok: false, retry: true });
  t.true(bench.reads[2]?.urgent, 'it is read back: the device may have done it');
  await bench.reads[0]?.answer(1);
  t.is(bench.poller.counters.overtakenReadings, 1, 'a reading that began before it is dropped');
});

test('a command that waited behind other writes for too long is not sent', async (t) => {
  const bench = new Bench([property('a', 1000)]);
  const request = { device: 'default/d', property: 'a', value: 7, version: NO_VERSION };
  const first = bench.poller.write(request);
  const late = bench.poller.write({ ...request, command: { id: 'c', notAfterMs: 500 } });
  await settled();
  await bench.advance(501);
  await bench.writes[0]?.end();
  await first;
  await bench.reads.at(-1)?.answer();
  t.like(await late, { ok: false, code: 'EDGE_EXPIRED', effect: 'none' });
  t.is(bench.writes.length, 1);
});
