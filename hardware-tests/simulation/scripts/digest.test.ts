import test from 'ava';
import { propertyKey } from '#cloud/store/tables.js';
import { seededRandom } from '#protocol/random.js';
import { Stage } from './stage.js';

const HOUR_MS = 3_600_000;

const repairs = (stage: Stage): number =>
  stage.hub.cloudHub.counters.repairsAsked +
  stage.hub.cloudHub.counters.repairsMade +
  (stage.program.edgeHub.status().counters['repairs'] ?? 0);

test('T19 an hour of traffic without faults: digests find nothing to repair', async (t) => {
  const stage = await Stage.open({ gateways: 2 });
  const random = seededRandom(19);
  const end = stage.world.clock.now() + HOUR_MS;
  for (const { plant } of stage.world.gateways) plant.pace(4000);
  while (stage.world.clock.now() < end) {
    await stage.pass(random.unit() * 20_000);
    const gateway = stage.world.gateways[random.unit() < 0.5 ? 0 : 1]!;
    const value = Math.floor(random.unit() * 5);
    if (random.unit() < 0.5) await stage.desire('level', value, gateway);
    else await stage.writeLocally('speed', value, gateway);
  }
  t.true(stage.post.of('digest').length >= 10);
  t.is(stage.post.of('resend').length, 0);
  t.is(repairs(stage), 0);
  for (const { plant } of stage.world.gateways) plant.pace(Infinity);
  await stage.settle();
});

test('T20 a bit flips in a value that the hub holds: one repair, then quiet', async (t) => {
  for (const table of ['reported', 'desired'] as const) {
    const stage = await Stage.open();
    await stage.desire('level', 4);
    await stage.pass(3000);
    await stage.read('level');
    await stage.settle();
    const key = propertyKey(stage.gateway.node, stage.device('level'), 'level');
    const { store } = stage.hub;
    const row = table === 'reported' ? store.get('reported', key) : store.get('desired', key);
    stage.checkers.checks.overlook('I4 same version, other value');
    await stage.done(store.commit([{ table, key, row: { ...row!, value: 5 } } as never]));
    stage.world.hub.crash();
    stage.world.hub.start();
    await stage.connected();
    await stage.pass(HOUR_MS);
    await stage.settle();
    if (table === 'reported') t.is(stage.reported('level')?.value, 4);
    else t.is(stage.program.meta.get('desired', stage.key('level'))?.value, 5);
    const after = repairs(stage);
    t.is(after > 0, true, table);
    const resent = stage.post.of('resend').length;
    await stage.pass(3 * HOUR_MS);
    t.is(repairs(stage), after, 'and then quiet');
    t.is(stage.post.of('resend').length, resent);
  }
});

test('T20 a bit flips in a value that the gateway holds', async (t) => {
  for (const table of ['reported', 'desired'] as const) {
    const stage = await Stage.open();
    await stage.desire('level', 4);
    await stage.pass(3000);
    await stage.read('level');
    await stage.settle();
    const key = stage.key('level');
    const { meta } = stage.program;
    const row = meta.get(table, key);
    stage.checkers.checks.overlook('I4 same version, other value');
    await stage.done(meta.commit([{ table, key, row: { ...row!, value: 5 } } as never]));
    await stage.pass(HOUR_MS);
    await stage.settle();
    // The gateway owns what is reported, the hub what is desired: theirs stands.
    if (table === 'reported') t.is(stage.reported('level')?.value, 5);
    else t.is(meta.get('desired', key)?.value, 4);
    const resent = stage.post.of('resend').length;
    const after = repairs(stage);
    t.true(after > 0, table);
    await stage.pass(3 * HOUR_MS);
    t.is(repairs(stage), after);
    t.is(stage.post.of('resend').length, resent);
  }
});
