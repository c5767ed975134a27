import test from 'ava';
import { Stage } from './stage.js';

/** Edits the configuration and restarts, as a person does: with the fan or without it. */
async function configure(stage: Stage, withFan: boolean): Promise<void> {
  const { gateway } = stage;
  if (!withFan) stage.checkers.forget(gateway, stage.device('speed'));
  gateway.devices = withFan ? gateway.plant.devices : gateway.plant.devices.slice(0, 1);
  gateway.crash();
  gateway.start();
  await stage.world.started();
  // What it says of its devices is durable.
  await stage.pass(1000);
}

test('T13 deleted, created and deleted offline: late messages of an earlier life change nothing', async (t) => {
  const stage = await Stage.open();
  const { weather } = stage.world;
  await stage.read('speed', 1);
  await stage.desire('speed', 7);
  await stage.settle();
  const oldLife = stage.post.sent.filter(({ message }) =>
    ['state', 'announce'].includes(message.kind),
  );
  weather.block(stage.gateway.node, 'up', 'down');
  await configure(stage, false);
  await configure(stage, true);
  await stage.read('speed', 2);
  await configure(stage, false);
  weather.open(stage.gateway.node);
  await stage.settle();
  t.is(stage.hub.fleet.device(stage.device('speed')), undefined);
  await configure(stage, true);
  await stage.connected();
  for (const { flight } of oldLife) weather.carry(flight);
  await stage.settle();
  t.is(stage.desired('speed'), undefined, 'nothing is desired of the new life yet');
  t.is(stage.reported('speed'), undefined);
  await stage.read('speed', 3);
  await stage.settle();
  t.is(stage.reported('speed')?.value, 3);
});

test('T13 messages of two lives in each order', async (t) => {
  for (const reversed of [false, true]) {
    const stage = await Stage.open();
    await stage.read('speed', 1);
    await stage.settle();
    const held = stage.post.hold('announce', 'state');
    stage.world.weather.block(stage.gateway.node, 'up', 'down');
    await configure(stage, false);
    await configure(stage, true);
    stage.world.weather.open(stage.gateway.node);
    await stage.connected();
    await stage.read('speed', 2);
    await stage.read('level', 3);
    await stage.until('sent', () => held.letters.some(({ message }) => message.kind === 'state'));
    held.deliver(...(reversed ? [...held.letters].reverse() : held.letters));
    held.open();
    await stage.settle();
    t.is(stage.reported('speed')?.value, 2);
    t.is(stage.reported('level')?.value, 3);
  }
});

test('T13 a pending local write and unsent rows end with their life', async (t) => {
  const stage = await Stage.open();
  const { weather } = stage.world;
  weather.block(stage.gateway.node, 'up', 'down');
  await stage.until('cut', () => !stage.program.edgeHub.isLive);
  await stage.writeLocally('speed', 8);
  await stage.read('speed', 8);
  await configure(stage, false);
  await configure(stage, true);
  t.is(stage.locals('speed'), undefined);
  t.is(stage.row('speed'), undefined);
  weather.open(stage.gateway.node);
  await stage.settle();
  t.is(stage.desired('speed'), undefined);
  t.is(stage.reported('speed'), undefined);
});

test('T13 what the cloud desires of an ended life never reaches the next one', async (t) => {
  const stage = await Stage.open();
  const held = stage.post.hold('desired');
  await stage.desire('speed', 7);
  await stage.until('sent', () => held.letters.length === 1);
  stage.world.weather.block(stage.gateway.node, 'up');
  await configure(stage, false);
  await configure(stage, true);
  stage.world.weather.open(stage.gateway.node);
  await stage.connected();
  await stage.settle();
  held.deliver();
  held.open();
  await stage.pass(10_000);
  t.is(stage.desired('speed'), undefined);
  t.is(stage.program.meta.get('desired', stage.key('speed')), undefined);
  t.is(stage.gateway.plant.register(stage.key('speed')).value, 0);
});
