import test from 'ava';
import type { Clock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { LinkEvents } from '../link.js';
import { MAPPER_LIMITS } from '../limits.js';
import { frameRtu } from './adu.js';
import { Bus } from './bus.js';
import { BusRunner } from './bus-runner.js';
import { silenceMs } from './line-time.js';
import { Naps } from './naps.js';
import { RtuFraming } from './rtu-framing.js';
import { read, registers } from './test-jobs.js';

const BAUD = 115_200;
/** Milliseconds from the beginning of a request to the end of its reply, as a slave of a line has it. */
const ANSWER_MS = 4;

/** A runner whose sends are dated, on a clock that sleeps 0.05 ms more than it is told. */
async function onALine(naps: boolean) {
  const manual = new ManualClock();
  let sleptMs = 0;
  const clock: Clock = {
    now: () => manual.now() + sleptMs,
    wallTime: () => 0,
    setTimer: (name, delayMs, fire) => manual.setTimer(name, delayMs, fire),
    nap: (ms) => void (sleptMs += ms + 0.05),
  };
  const sentAtMs: number[] = [];
  let events: LinkEvents | undefined;
  const open = (of: LinkEvents) => {
    events = of;
    return { send: () => void sentAtMs.push(clock.now()), close: () => Promise.resolve() };
  };
  const ports = { clock, random: seededRandom(1), log: silentLog };
  const shared = new Naps(clock);
  const bus = new Bus(new RtuFraming(BAUD));
  const runner = new BusRunner(bus, open, naps ? { ...ports, naps: shared } : ports);
  events?.opened();
  /** Milliseconds from the end of one reply to the next request. */
  const gapMs = async (): Promise<number> => {
    const asked = runner.request(read(1, 0), { priority: 'poll', timeoutMs: 250 });
    while (sentAtMs.length === 0) manual.fireNext();
    manual.advance(ANSWER_MS);
    events?.received(frameRtu(1, registers(7, 8)));
    const heardAtMs = clock.now();
    await asked;
    sentAtMs.length = 0;
    void runner.request(read(1, 0), { priority: 'poll', timeoutMs: 250 });
    while (sentAtMs.length === 0) manual.fireNext();
    return Number(sentAtMs[0]) - heardAtMs;
  };
  return { gapMs, naps: shared };
}

test('a request leaves at the end of the silence, not at the next whole millisecond', async (t) => {
  const gapMs = await (await onALine(true)).gapMs();
  t.true(gapMs >= silenceMs(BAUD) && gapMs < silenceMs(BAUD) + 0.1, String(gapMs));
});

test('without naps it leaves at the next whole millisecond', async (t) => {
  t.is(await (await onALine(false)).gapMs(), 2);
});

test('once naps have had their share it leaves at the next whole millisecond', async (t) => {
  const { gapMs, naps } = await onALine(true);
  naps.until(2 * MAPPER_LIMITS.napBurstMs);
  t.is(Math.round(100 * (await gapMs())), 200);
  t.true(Number(naps.counters()['napsRefused']) > 0);
});
