import test from 'ava';
import type { Disk } from '#journal/power-cut.js';
import type { Kind } from './post.js';
import { Stage } from './stage.js';

/** A hub that comes back as it was before its gateway stored level 70 and speed 72. */
async function restored(whileDown: (stage: Stage) => Promise<void> = () => Promise.resolve()) {
  const stage = await Stage.open();
  await stage.desire('level', 10);
  await stage.settle();
  const backup = stage.world.hub.backup();
  for (let value = 60; value <= 70; value++) await stage.desire('level', value);
  await stage.desire('speed', 72);
  await stage.settle();
  await cut(stage);
  await whileDown(stage);
  await comeBack(stage, backup);
  return stage;
}

/** The hub comes back with this disk, or with an empty one. */
async function comeBack(stage: Stage, disk?: Disk): Promise<void> {
  stage.checkers.forgetHub();
  stage.world.hub.replaceDisk(disk);
  stage.world.hub.start();
  await stage.world.started();
}

/** Nothing passes, and what stood before is over. */
async function cut(stage: Stage): Promise<void> {
  stage.world.weather.block(stage.gateway.node, 'up', 'down');
  await stage.pass(10_000);
}

async function meet(stage: Stage): Promise<void> {
  stage.world.weather.open(stage.gateway.node);
  await stage.connected();
  await stage.settle();
}

test('T8 a restored hub takes over what only its gateway still knows', async (t) => {
  const stage = await restored();
  await meet(stage);
  t.like(stage.desired('level'), { value: 70, actor: `adopted:${stage.gateway.node}` });
  t.like(stage.desired('speed'), { value: 72 });
  t.deepEqual(stage.alarms(), [], 'the alarm ends with the adoption');
  t.is(stage.view('level').conflict, undefined);
  t.is(stage.hub.cloudHub.counters.desiredAdopted, 2);
  t.is(stage.post.of('adopt').length, 1);
});

test('T8 what was written since the restore stands, and the gateway’s value is a conflict', async (t) => {
  const stage = await restored();
  // So many that their numbers pass those of the forgotten ones.
  for (let value = 0; value < 20; value++) await stage.desire('level', 30 + value);
  await meet(stage);
  t.like(stage.desired('level'), { value: 49, actor: 'operator:x' });
  t.like(stage.desired('speed'), { value: 72 });
  t.is(stage.gateway.plant.register(stage.key('level')).value, 49);
  const conflicts = stage.hub.loop(stage.gateway.node)?.machine.rows.all('conflicts') ?? [];
  t.deepEqual(
    Array.from(conflicts, ([, { local, cloud }]) => [local, cloud.value]),
    [[70, 49]],
  );
});

test('T8 nothing desired leaves before adoption is done (I14), and the alarm says so', async (t) => {
  const stage = await restored();
  await stage.desire('level', 33);
  const before = stage.post.of('desired').length;
  const held = stage.post.hold('adopt');
  stage.world.weather.open(stage.gateway.node);
  await stage.connected();
  await stage.pass(30_000);
  await stage.desire('speed', 34);
  await stage.pass(10_000);
  t.is(stage.post.of('desired').length, before);
  t.deepEqual(stage.alarms(), ['EDGE_HUB_RESTORED']);
  t.is(stage.view('speed').state, 'pending');
  held.open();
  held.deliver();
  await stage.settle();
  t.deepEqual([stage.desired('level')?.value, stage.desired('speed')?.value], [33, 34]);
  t.deepEqual(stage.alarms(), []);
});

for (const kind of ['welcome', 'ready', 'adopt', 'ack'] satisfies Kind[])
  test(`T8 adoption whose session is lost with ${kind} is done in the next`, async (t) => {
    const stage = await restored();
    const held = stage.post.hold(kind);
    stage.world.weather.open(stage.gateway.node);
    await stage.until('held back', () => held.letters.length > 0);
    held.open();
    stage.world.weather.block(stage.gateway.node, 'up', 'down');
    await stage.pass(30_000);
    await meet(stage);
    t.like(stage.desired('level'), { value: 70 });
    t.deepEqual(stage.alarms(), []);
    t.is(stage.hub.loop(stage.gateway.node)?.machine.rows.all('conflicts').size, 0);
  });

test('T8 a local write on what the hub forgot is no conflict: its base is only renumbered', async (t) => {
  const stage = await restored((own) => own.writeLocally('level', 55));
  await meet(stage);
  t.like(stage.desired('level'), { value: 55, actor: `node:${stage.gateway.node}` });
  t.is(stage.hub.cloudHub.counters.localsConflicting, 0);
});

test('T8 a hub restored twice, the second time to before its adoption', async (t) => {
  const stage = await restored();
  const backup = stage.world.hub.backup();
  await meet(stage);
  await stage.desire('level', 71);
  await stage.settle();
  await comeBack(stage, backup);
  await stage.connected();
  await stage.settle();
  t.deepEqual([stage.desired('level')?.value, stage.desired('speed')?.value], [71, 72]);
});

test('T8 a gateway of before the adoption raises no second one', async (t) => {
  const stage = await restored();
  const card = stage.gateway.backup();
  await meet(stage);
  stage.checkers.forget(stage.gateway);
  stage.gateway.replaceDisk(card);
  stage.gateway.start();
  await stage.connected();
  await stage.settle();
  t.is(stage.hub.cloudHub.counters.adoptionsNeeded, 1);
  t.is(stage.desired('level')?.value, 70);
});

test('T17 an emptied hub takes everything over from its gateway', async (t) => {
  const stage = await Stage.open();
  await stage.desire('level', 70);
  await stage.desire('speed', 72);
  await stage.read('temperature', 5);
  await stage.settle();
  const before = stage.reported('temperature');
  await comeBack(stage);
  await stage.connected();
  await stage.settle();
  t.deepEqual([stage.desired('level')?.value, stage.desired('speed')?.value], [70, 72]);
  t.deepEqual(stage.reported('temperature'), before, 'also its generation goes on');
  t.deepEqual(stage.alarms(), []);
});

test('T17 an emptied hub and a factory-new card begin anew', async (t) => {
  const stage = await Stage.open();
  await stage.desire('level', 70);
  await stage.settle();
  stage.checkers.forgetHub();
  stage.checkers.forget(stage.gateway);
  stage.world.hub.replaceDisk();
  stage.gateway.replaceDisk();
  stage.world.start();
  await stage.world.started();
  await stage.connected();
  await stage.read('level', 3);
  await stage.settle();
  t.is(stage.desired('level'), undefined);
  t.is(stage.reported('level')?.value, 3);
  t.deepEqual(stage.alarms(), []);
});

for (const isAhead of [false, true])
  test(`T8 a hub that does not know its gateway's history goes on with the devices; adoption: ${isAhead}`, async (t) => {
    const stage = await Stage.open();
    await stage.desire('level', 5);
    await stage.settle();
    const [card, disk] = [stage.gateway.backup(), stage.world.hub.backup()];
    // The restored card meets the hub, which gives it another lineage, and then forgets that.
    await stage.read('level', 5);
    await stage.settle();
    stage.checkers.forget(stage.gateway);
    stage.gateway.replaceDisk(card);
    stage.gateway.start();
    await stage.connected();
    for (const property of ['level', 'temperature', 'speed'] as const)
      await stage.read(property, 5);
    await stage.settle();
    if (isAhead) await stage.desire('level', 6);
    await stage.settle();
    await cut(stage);
    await comeBack(stage, disk);
    await stage.desire('speed', 9);
    await meet(stage);
    t.deepEqual(
      [stage.desired('level')?.value, stage.desired('speed')?.value],
      [isAhead ? 6 : 5, 9],
    );
    t.is(stage.hub.cloudHub.counters.adoptionsNeeded, isAhead ? 1 : 0);
  });

test('T8 a hub restored into the middle of its adoption: what came after the adoption stands (H44)', async (t) => {
  const stage = await restored();
  await stage.desire('level', 33);
  const held = stage.post.hold('adopt');
  stage.world.weather.open(stage.gateway.node);
  await stage.until('held back', () => held.letters.length > 0);
  const disk = stage.world.hub.backup();
  held.open();
  held.deliver();
  await stage.settle();
  t.is(stage.desired('level')?.value, 33, 'written since the first restore');
  await stage.desire('level', 34);
  await stage.settle();
  await cut(stage);
  await comeBack(stage, disk);
  await stage.desire('speed', 35);
  await meet(stage);
  t.deepEqual([stage.desired('level')?.value, stage.desired('speed')?.value], [34, 35]);
  t.is(stage.gateway.plant.register(stage.key('level')).value, 34);
  t.deepEqual(stage.alarms(), []);
});

test('T8 a restored hub that had got a high number but not a lower one is sent that one too (H43)', async (t) => {
  const stage = await Stage.open();
  await stage.desire('level', 10);
  await stage.settle();
  const held = stage.post.hold('state');
  await stage.read('temperature', 5);
  await stage.until('held back', () => held.letters.length > 0);
  held.open();
  await stage.read('speed', 6);
  await stage.until('acknowledged', () => !stage.isUnsent('speed'));
  const disk = stage.world.hub.backup();
  held.deliver();
  await stage.settle();
  const before = stage.reported('temperature');
  t.is(before?.value, 5);
  await stage.desire('level', 11);
  await stage.settle();
  await cut(stage);
  await comeBack(stage, disk);
  t.not(stage.reported('temperature')?.value, 5);
  await meet(stage);
  t.deepEqual(stage.reported('temperature'), before, 'its own number, no repair');
});
