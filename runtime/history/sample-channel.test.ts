import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { HISTORY_LIMITS } from './limits.js';
import { FlightWindow } from './flight-window.js';
import { HistoryBench, settle, valuesOf } from './test-history.js';

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function filled(count: number, options = {}): Promise<HistoryBench> {
  const bench = await new HistoryBench().start(options);
  for (let value = 1; value <= count; value++) await bench.report(value);
  await settle();
  return bench;
}

test('a hub that does not list samples gets none', async (t) => {
  const bench = await filled(3);
  bench.begin(0, []);
  t.deepEqual(await bench.sent(), []);
  t.is(bench.channel.wakeAt(), undefined);
});

test('the stream goes on from where the hub stands, whole ranges one after the other', async (t) => {
  const bench = await filled(100);
  bench.begin(40);
  const messages = await bench.sent();
  t.deepEqual(valuesOf(messages), upTo(100, 41));
  let at = 40;
  for (const { from, to, dropped } of messages) {
    t.is(from, at);
    t.is(dropped, 0);
    at = to;
  }
  t.is(bench.channel.inFlight, messages.length);
  bench.sack(100);
  t.is(bench.channel.inFlight, 0);
  t.is(bench.history.status().unsent, 0);
});

test('a lost session sends again what was not acknowledged, also from a new process', async (t) => {
  const bench = await filled(70);
  bench.begin();
  await bench.sent();
  bench.sack(30);
  bench.channel.end();
  bench.begin(30);
  t.deepEqual(valuesOf(await bench.sent()), upTo(70, 31));
  bench.main = bench.main.crash(seededRandom(1));
  bench.folder = bench.folder.crash(seededRandom(2));
  await bench.start();
  bench.begin(50);
  t.deepEqual(valuesOf(await bench.sent()), upTo(70, 51));
});

test('T3: what was dropped leaves as a gap with its count, once it is durable', async (t) => {
  const bench = await filled(400, { maxBytes: 2 * 4096 });
  const { dropped, kept } = bench.history.status();
  t.true(dropped > 100 && kept + dropped === 400);
  bench.begin();
  const messages = await bench.sent();
  t.is(messages[0]?.dropped, dropped);
  t.deepEqual(valuesOf(messages), upTo(400, dropped + 1));
  for (const { from, to, rows, dropped: gap } of messages) t.is(rows.length + gap, to - from);
  bench.channel.end();
  for (let value = 401; value <= 800; value++) await bench.report(value);
  await settle();
  bench.begin(0);
  const again = await bench.sent();
  t.is(again[0]?.dropped, bench.history.status().dropped, 'the gap has grown');
});

test('numbers that were given up at the end are a gap without rows', async (t) => {
  let isShedding = false;
  const bench = await new HistoryBench().start({ isShedding: () => isShedding });
  await bench.report(1);
  isShedding = true;
  await bench.report(2, 3);
  bench.begin();
  const messages = await bench.sent();
  t.deepEqual(
    messages.map(({ from, to, dropped, rows }) => [from, to, dropped, rows.length]),
    [
      [0, 1, 0, 1],
      [1, 3, 2, 0],
    ],
  );
});

test('state goes first, and samples follow when it has left (H31)', async (t) => {
  const bench = await filled(10);
  bench.begin();
  t.deepEqual(await bench.sent(true), []);
  t.is(bench.channel.wakeAt(), undefined, 'nobody is woken for what may not leave');
  t.is(valuesOf(await bench.sent(false)).length, 10);
});

test('a trickle leaves together, no later than a window after the one before', async (t) => {
  const bench = await filled(1);
  bench.begin();
  t.is((await bench.sent()).length, 1, 'the first at once');
  await bench.report(2);
  await settle();
  t.deepEqual(await bench.sent(), []);
  const wakeAt = bench.channel.wakeAt() ?? 0;
  t.true(wakeAt > bench.clock.now());
  await bench.report(3);
  bench.clock.advance(wakeAt - bench.clock.now());
  await settle();
  t.deepEqual(valuesOf(await bench.sent()), [2, 3]);
});

test('what is in flight is bounded, and goes on with each acknowledgement', async (t) => {
  const bench = await new HistoryBench().start({ blockRows: 4096, blockBytes: 1e6 });
  const long = 'x'.repeat(1000).length;
  for (let value = 1; value <= 1500; value++) await bench.report(value + long);
  await settle();
  bench.begin();
  const first = await bench.sent();
  const rows = valuesOf(first).length;
  t.true(rows > 50 && rows < 1500);
  t.deepEqual(await bench.sent(), []);
  bench.sack(first[0]?.to ?? 0);
  t.true((await bench.sent()).length > 0);
});

test('without progress everything behind the cursor is sent again; a late answer is heeded', async (t) => {
  const bench = await filled(90);
  bench.begin();
  const first = await bench.sent();
  t.is(bench.channel.wakeAt(), bench.clock.now() + HISTORY_LIMITS.resendMs);
  bench.sack(first[0]?.to ?? 0);
  bench.clock.advance(HISTORY_LIMITS.resendMs);
  t.deepEqual(valuesOf(await bench.sent()), upTo(90, (first[0]?.to ?? 0) + 1));
  bench.clock.advance(HISTORY_LIMITS.resendMs);
  bench.channel.next(1, bench.clock.now(), true);
  bench.sack(90);
  t.deepEqual(await bench.sent(), []);
  t.is(bench.history.status().unsent, 0);
});

test('an acknowledgement of what was never sent is not believed', async (t) => {
  const bench = await filled(5);
  bench.begin();
  await bench.sent();
  t.true(bench.sack(6));
  t.is(bench.history.status().unsent, 5);
});

test('a life from before the first contact leaves with the generation that the hub gave since', async (t) => {
  const bench = await filled(1);
  const life = bench.meta.get('devices', 'default/meter');
  if (life === undefined) throw new TypeError('no device');
  t.is(life.incarnation.gen, 0);
  const incarnation = { gen: 3, n: life.incarnation.n };
  await bench.meta.commit([
    { table: 'devices', key: 'default/meter', row: { ...life, incarnation } },
  ]);
  bench.begin();
  t.deepEqual((await bench.sent())[0]?.rows[0]?.incarnation, incarnation);
});

test('a block that cannot be read is tried again later, and state is not disturbed', async (t) => {
  const bench = await filled(100);
  bench.begin();
  bench.folder.fail({ nth: 1, fault: 'EIO', actions: ['read'] });
  t.deepEqual(await bench.sent(), []);
  t.is(bench.channel.wakeAt(), bench.clock.now() + HISTORY_LIMITS.retryMs);
  bench.clock.advance(HISTORY_LIMITS.retryMs);
  t.is(valuesOf(await bench.sent()).length, 100);
});

test('more may be in flight while answers come soon, half as much when they queue', (t) => {
  const window = new FlightWindow();
  const start = window.chars;
  window.answered(4000, 0, 100);
  window.answered(4000, 0, 250);
  t.is(window.chars, start + 8000);
  window.answered(4000, 300, 300 + 100 + HISTORY_LIMITS.queueingHighMs + 1);
  const halved = Math.floor((start + 8000) / 2);
  t.is(window.chars, halved);
  window.answered(4000, 400, 400 + 2000);
  t.is(window.chars, halved, 'once for all that was in flight then');
  for (let nth = 0; nth < 20; nth++) window.answered(4000, 10_000 * (nth + 1), 10_000 * (nth + 2));
  t.is(window.chars, HISTORY_LIMITS.flightCharsMin);
  for (let nth = 0; nth < 200; nth++) window.answered(4000, 1e6, 1e6 + 100);
  t.is(window.chars, HISTORY_LIMITS.flightCharsMax);
  t.is(window.messageChars, HISTORY_LIMITS.messageCharsMax);
});
