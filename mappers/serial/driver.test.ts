import test from 'ava';
import type { Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { MAPPER_LIMITS } from '../limits.js';
import type { LinkEvents } from '../link.js';
import { SensorDriver } from './driver.js';
import { Line } from './line.js';
import { readSettings } from './settings.js';

const TIMEOUT_MS = 200;
const PAUSE_MS = MAPPER_LIMITS.quarantineMinMs;

const CO2: Property = {
  ...{ name: 'co2', type: 'int', access: 'ReadOnly', reportToCloud: true },
  ...{ reportCycleMs: 1000, collectCycleMs: 1000 },
};

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Sensors that are asked, on a line that the test is; they answer with a line, named by its start. */
class Bench {
  readonly clock = new ManualClock();
  readonly sent: string[] = [];
  readonly line: Line;
  #events: LinkEvents | undefined;

  constructor() {
    const open = (events: LinkEvents) => {
      this.#events = events;
      const send = (bytes: Uint8Array): void => void this.sent.push(Buffer.from(bytes).toString());
      return { send, close: async () => undefined };
    };
    this.line = new Line(open, { clock: this.clock, random: seededRandom(1), log: silentLog });
    this.plugIn();
  }

  plugIn(): void {
    this.#events?.opened();
  }

  async unplug(): Promise<void> {
    this.#events?.closed(new EdgeError('EDGE_DEVICE_CLOSED', 'unplugged'));
    await settled();
  }

  async sensor(name: string, timeoutMs = TIMEOUT_MS, more: object = {}): Promise<SensorDriver> {
    const at = { host: 'h', tcpPort: 1 };
    const configData = { ...at, request: name, timeout: `${timeoutMs}ms` };
    const place = { column: 1, startsWith: name, ...more };
    const property = { ...CO2, visitor: { protocolName: 'serial', configData: place } };
    const { settings, issues } = await readSettings({
      ...{ id: `default/${name}`, model: 'sensor', properties: [property] },
      protocol: { protocolName: 'serial', configData },
    });
    if (settings === undefined) throw new TypeError(JSON.stringify(issues));
    return new SensorDriver(settings, [CO2], this.line, this.clock);
  }

  async say(text: string): Promise<void> {
    this.#events?.received(Buffer.from(text));
    await settled();
  }

  async advance(byMs: number): Promise<void> {
    await settled();
    this.clock.advance(byMs);
    await settled();
  }
}

/** The value, or why there is none; undefined until the reading has ended. */
function reading(driver: SensorDriver): { said: unknown } {
  const ended: { said: unknown } = { said: undefined };
  void driver.read([CO2]).then(([result]) => (ended.said = result?.value ?? result?.reason));
  return ended;
}

test('an answer that comes too late is never the answer to the next request', async (t) => {
  const bench = new Bench();
  const driver = await bench.sensor('a');
  const first = reading(driver);
  await bench.advance(TIMEOUT_MS);
  t.is(first.said, 'EDGE_DEVICE_TIMEOUT');
  const second = reading(driver);
  await bench.advance(PAUSE_MS - 1);
  t.deepEqual(bench.sent, ['a'], 'it is left alone');
  await bench.say('a,401\n');
  t.is(second.said, undefined);
  t.like(driver.counters, { timeouts: 1, lateReplies: 1, frames: 1 });
  await bench.advance(1);
  t.deepEqual(bench.sent, ['a', 'a']);
  t.is(second.said, undefined, 'what came in the pause is not its answer');
  await bench.say('a,402\n');
  t.is(second.said, 402);
  const third = reading(driver);
  await settled();
  t.is(bench.sent.length, 3, 'no pause after an answer');
  await bench.say('a,403\n');
  t.is(third.said, 403);
  const silent = driver.read([CO2]);
  await bench.advance(TIMEOUT_MS);
  t.regex(
    (await silent)[0]?.detail ?? '',
    /^nothing of it was heard: 3 frames .*, 1 answers too late$/,
  );
});

test('the half of an answer that came before a request is not joined with what comes after it', async (t) => {
  const bench = new Bench();
  const driver = await bench.sensor('a');
  reading(driver);
  await bench.advance(TIMEOUT_MS + PAUSE_MS - 1);
  await bench.say('a,4');
  const second = reading(driver);
  await bench.advance(1);
  await bench.say('a,417\n');
  t.is(second.said, 417);
});

test('a sensor that answers late is left alone for twice as long, within a bound', async (t) => {
  const bench = new Bench();
  const driver = await bench.sensor('a', 10);
  const most = MAPPER_LIMITS.quarantineMaxMs;
  reading(driver);
  let expectedMs: number = PAUSE_MS;
  for (let round = 1; round <= 8; round += 1) {
    await bench.advance(10);
    reading(driver);
    await settled();
    const pauseMs = (bench.clock.nextAtMs() ?? Infinity) - bench.clock.now();
    t.is(pauseMs, expectedMs);
    await bench.advance(pauseMs - 1);
    await bench.say('a,1\n');
    t.deepEqual([bench.sent.length, driver.counters['lateReplies']], [round, round]);
    await bench.advance(1);
    t.is(bench.sent.length, round + 1);
    expectedMs = Math.min(most, 2 * (pauseMs - 1));
  }
  t.is(expectedMs, most);
});

test('a long time to answer makes a pause as long', async (t) => {
  const bench = new Bench();
  const driver = await bench.sensor('a', 3 * PAUSE_MS);
  reading(driver);
  await bench.advance(3 * PAUSE_MS);
  reading(driver);
  await bench.advance(3 * PAUSE_MS - 1);
  t.is(bench.sent.length, 1);
  await bench.advance(1);
  t.is(bench.sent.length, 2);
});

test('others on the line are asked while one is left alone', async (t) => {
  const bench = new Bench();
  const [silent, other] = [await bench.sensor('a'), await bench.sensor('b')];
  reading(silent);
  await bench.advance(TIMEOUT_MS);
  reading(silent);
  const heard = reading(other);
  await settled();
  t.deepEqual(bench.sent, ['a', 'b']);
  await bench.say('a,401\n');
  await bench.say('b,17\n');
  t.is(heard.said, 17);
  t.is(silent.counters['lateReplies'], 1);
});

test('a reading that waited behind one without an answer is left alone as well', async (t) => {
  const bench = new Bench();
  const driver = await bench.sensor('a');
  reading(driver);
  const second = reading(driver);
  await bench.advance(TIMEOUT_MS);
  t.is(bench.sent.length, 1);
  await bench.say('a,401\n');
  await bench.advance(PAUSE_MS);
  t.deepEqual([bench.sent.length, second.said], [2, undefined]);
});

test('nothing waits for the end of a pause when the port is lost or the device dropped', async (t) => {
  const bench = new Bench();
  const driver = await bench.sensor('a');
  reading(driver);
  await bench.advance(TIMEOUT_MS);
  const unplugged = reading(driver);
  await settled();
  await bench.unplug();
  t.is(unplugged.said, 'EDGE_DEVICE_CLOSED');
  bench.plugIn();
  const dropped = reading(driver);
  await settled();
  t.is(bench.sent.length, 1, 'its answer may still come from behind a server');
  driver.close();
  await settled();
  t.is(dropped.said, 'EDGE_DEVICE_TIMEOUT');
  t.false(bench.clock.pending().includes('sensor quarantine'));
});

test('a value beyond its clamp is the bound, uncertain and with the reason', async (t) => {
  const bench = new Bench();
  const driver = await bench.sensor('a', TIMEOUT_MS, { clamp: [0, 5000] });
  const read = driver.read([CO2]);
  await settled();
  await bench.say('a,65535\n');
  t.like((await read)[0], {
    ...{ property: 'co2', value: 5000, quality: 'uncertain' },
    ...{ reason: 'EDGE_OUT_OF_RANGE', detail: '65535 is beyond the clamp' },
  });
});
