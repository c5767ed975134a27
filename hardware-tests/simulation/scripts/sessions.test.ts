import test from 'ava';
import { endClones, letIn } from '../actions/clones.js';
import { expand } from '../options.js';
import { Scene } from '../scene.js';
import { Stage } from './stage.js';

test('T14 two processes of one identity take turns: an alarm, then quarantine until a person decides', async (t) => {
  const stage = await Stage.open();
  const { gateway, world } = stage;
  const copy = world.clone(gateway);
  copy.plant.pace(Infinity);
  copy.start();
  await stage.until('replaced', () => copy.program?.edgeHub.isLive === true, 3_600_000);
  t.false(stage.alarms().includes('EDGE_CLONE'), 'a restart looks like this');
  await stage.until('back', () => stage.alarms().includes('EDGE_CLONE'), 3_600_000);
  t.true(stage.program.edgeHub.status().held === undefined);
  await stage.until(
    'quarantine',
    () => stage.alarms().includes('EDGE_QUARANTINED'),
    12 * 3_600_000,
  );
  await stage.pass(3_600_000);
  t.false(gateway.program?.edgeHub.isLive);
  t.false(copy.program?.edgeHub.isLive);
  copy.crash();
  world.clones.delete(copy);
  stage.checkers.forget(gateway);
  await stage.done(stage.hub.fleet.clearAlarm(gateway.node, 'EDGE_QUARANTINED'));
  await stage.connected(8 * 3_600_000);
  await stage.read('level', 3);
  await stage.settle();
});

test('T14 a restored hub keeps a node out again until a person lets it in again', async (t) => {
  const stage = await Stage.open();
  const { gateway, world } = stage;
  const copy = world.clone(gateway);
  copy.plant.pace(Infinity);
  copy.start();
  await stage.until(
    'quarantine',
    () => stage.alarms().includes('EDGE_QUARANTINED'),
    24 * 3_600_000,
  );
  const backup = world.hub.backup();
  const scene = new Scene(world, stage.checkers, expand(1));
  await stage.pass(60_000);
  endClones(scene);
  await stage.connected(8 * 3_600_000);
  await stage.read('level', 3);
  await stage.settle();
  stage.checkers.forgetHub();
  world.hub.replaceDisk(backup);
  world.hub.start();
  await world.started();
  await stage.until(
    'out',
    () => stage.program.edgeHub.status().lastError?.code === 'EDGE_SUPERSEDED',
  );
  t.deepEqual(stage.alarms().includes('EDGE_QUARANTINED'), true);
  letIn(scene);
  await stage.connected(8 * 3_600_000);
  await stage.read('level', 4);
  await stage.settle();
  t.is(stage.reported('level')?.value, 4);
});

test('T14 restarts and restores by the dozen raise no clone alarm', async (t) => {
  const stage = await Stage.open();
  const { gateway } = stage;
  const backups = [gateway.backup()];
  for (let round = 0; round < 30; round++) {
    await stage.read('level', round);
    if (round % 5 === 0) backups.push(gateway.backup());
    if (round % 3 === 0) {
      stage.checkers.forget(gateway);
      gateway.replaceDisk(backups[(round * 7) % backups.length]);
    } else gateway.crash();
    gateway.start();
    await stage.world.started();
    if (round % 2 === 0) await stage.connected();
  }
  await stage.connected();
  t.false(stage.alarms().includes('EDGE_CLONE'));
  for (const prop of ['level', 'temperature', 'speed'] as const) await stage.read(prop, 1);
  await stage.settle();
});

test('T15 a session is replaced while a message of the old one is between judging and commit', async (t) => {
  const stage = await Stage.open();
  const { gateway, world } = stage;
  await stage.read('level', 1);
  await stage.settle();
  world.hub.holdSyncs();
  await stage.read('level', 2);
  const epoch = stage.hub.fleet.node(gateway.node)?.epoch;
  await stage.pass(2000);
  t.is(stage.reported('level')?.value, 1, 'its commit is under way');
  // The process dies and another one comes, before the commit is durable.
  gateway.crash();
  gateway.start();
  await stage.until('greeted', () => stage.post.of('hello').length >= 2);
  await stage.pass(2000);
  world.hub.releaseSyncs();
  await stage.connected();
  t.true((stage.hub.fleet.node(gateway.node)?.epoch ?? 0) > (epoch ?? 0));
  await stage.settle();
  t.is(stage.reported('level')?.value, 2);
});

test('T16 a card of an earlier epoch gets one above all that the hub ever gave', async (t) => {
  const stage = await Stage.open();
  const { gateway } = stage;
  const epoch = (): number => stage.hub.fleet.node(gateway.node)?.epoch ?? 0;
  const backup = gateway.backup();
  for (let round = 0; round < 3; round++) {
    gateway.crash();
    gateway.start();
    await stage.connected();
  }
  const before = epoch();
  stage.checkers.forget(gateway);
  gateway.replaceDisk(backup);
  gateway.start();
  await stage.connected();
  t.true(epoch() > before, `${epoch()} after ${before}`);
  await stage.read('level', 2);
  await stage.settle();
});

test('T16 the hub crashes after HELLO is durable, before WELCOME: the epoch is not given twice', async (t) => {
  const stage = await Stage.open();
  const { gateway, world } = stage;
  const held = stage.post.hold('welcome');
  gateway.crash();
  gateway.start();
  await stage.until('welcomed', () => held.letters.length === 1);
  held.open();
  world.hub.crash();
  world.hub.start();
  await stage.connected();
  const epochs = stage.post.of('welcome').map(({ epoch }) => epoch);
  t.is(new Set(epochs).size, epochs.length, 'each WELCOME has an epoch of its own');
  t.deepEqual(
    epochs,
    [...epochs].sort((a, b) => a - b),
  );
  await stage.read('level', 4);
  await stage.settle();
});
