import test from 'ava';
import { SMALL_SIZES } from '../station.js';
import { Stage } from './stage.js';

/** So little that an outage overruns it. */
const SMALL_HISTORY = { ...SMALL_SIZES, historyBytes: [2 * 4096] };

const account = (stage: Stage) => {
  const { applied = 0, dropped = 0 } =
    stage.hub.loop(stage.gateway.node)?.machine.rows.get('histories', stage.gateway.node) ?? {};
  return { applied, dropped };
};

test('T2 samples 2 before 1, then the session is lost: both arrive, in order, once', async (t) => {
  const stage = await Stage.open();
  await stage.read('temperature');
  await stage.settle();
  const held = stage.post.hold('samples');
  await stage.read('temperature');
  await stage.until('sent', () => held.letters.length === 1);
  await stage.read('temperature');
  await stage.until('sent', () => held.letters.length === 2);
  const before = account(stage).applied;
  held.deliver(held.letters[1]!);
  await stage.pass(5000);
  t.is(account(stage).applied, before, 'the second waits for the first');
  held.open();
  stage.world.weather.block(stage.gateway.node, 'up', 'down');
  await stage.pass(20_000);
  stage.world.weather.open(stage.gateway.node);
  await stage.settle();
  t.deepEqual(account(stage), { applied: before + 2, dropped: 0 });
});

test('T3 the oldest are dropped, the gap is lost with its session, the hub crashes: counted once', async (t) => {
  for (const hubCrashes of ['before', 'after', 'never'] as const) {
    const stage = await Stage.open({ sizes: SMALL_HISTORY });
    stage.world.weather.block(stage.gateway.node, 'up', 'down');
    for (let reading = 0; reading < 160; reading++) await stage.read('temperature');
    await stage.pass(10_000);
    const { lost } = stage.program.history.series.stats;
    t.true(lost > 50);
    stage.world.weather.open(stage.gateway.node);
    const held = stage.post.hold('samples');
    await stage.connected();
    await stage.until('sent', () => held.letters.length > 0);
    const [first] = held.letters;
    t.true(
      first?.message.kind === 'samples' && first.message.dropped === lost,
      'it tells of the gap',
    );
    if (hubCrashes === 'before') stage.world.hub.crash();
    if (hubCrashes === 'after') {
      // It arrives; its acknowledgement does not.
      const answers = stage.post.hold('sack');
      held.deliver(held.letters[0]!);
      await stage.pass(3000);
      stage.world.hub.crash();
      answers.open();
    }
    held.open();
    stage.world.hub.start();
    stage.world.weather.block(stage.gateway.node, 'up', 'down');
    await stage.pass(20_000);
    stage.world.weather.open(stage.gateway.node);
    await stage.settle();
    t.deepEqual(account(stage), { applied: 160 - lost, dropped: lost }, hubCrashes);
  }
});
