import test from 'ava';
import { Stage } from './stage.js';

const conflicts = (stage: Stage): number =>
  [...(stage.hub.loop(stage.gateway.node)?.machine.rows.all('conflicts').values() ?? [])].length;

/** A new session; what was on its way in the old one is lost with it. */
async function reconnect(stage: Stage): Promise<void> {
  const { weather } = stage.world;
  weather.block(stage.gateway.node, 'up', 'down');
  await stage.until('cut', () => !stage.program.edgeHub.isLive);
  weather.open(stage.gateway.node);
  await stage.connected();
}

test('T11 the answer is lost, the write is repeated: no conflict with itself', async (t) => {
  const stage = await Stage.open();
  const answers = stage.post.hold('local-result', 'desired');
  await stage.writeLocally('level', 5);
  await stage.until('decided', () => stage.desired('level')?.value === 5);
  answers.open();
  await reconnect(stage);
  await stage.settle();
  t.is(stage.desired('level')?.value, 5);
  t.is(conflicts(stage), 0);
  t.is(stage.gateway.plant.register(stage.key('level')).value, 5);
});

test('T11 a second local write before the answer of the first stands on its base', async (t) => {
  for (const losesAnswer of [false, true]) {
    const stage = await Stage.open();
    const answers = stage.post.hold('local-result', 'desired');
    await stage.writeLocally('level', 5);
    await stage.until('decided', () => stage.desired('level')?.value === 5);
    await stage.writeLocally('level', 6);
    answers.open();
    if (losesAnswer) await reconnect(stage);
    else answers.deliver();
    await stage.settle();
    t.is(stage.desired('level')?.value, 6);
    t.is(conflicts(stage), 0);
    t.is(stage.gateway.plant.register(stage.key('level')).value, 6);
  }
});

test('T11 a write of the cloud before, between and after local ones', async (t) => {
  for (const moment of ['before', 'between', 'after'] as const) {
    const stage = await Stage.open();
    await stage.desire('level', 1);
    await stage.settle();
    const { weather } = stage.world;
    weather.block(stage.gateway.node, 'up', 'down');
    await stage.until('cut', () => !stage.program.edgeHub.isLive);
    if (moment === 'before') await stage.desire('level', 2);
    await stage.writeLocally('level', 3);
    if (moment === 'between') {
      // The first is accepted; the cloud writes; the second stands on the first's base.
      weather.open(stage.gateway.node);
      const answers = stage.post.hold('local-result', 'desired');
      await stage.until('decided', () => stage.desired('level')?.value === 3);
      await stage.writeLocally('level', 4);
      await stage.desire('level', 2);
      answers.open();
      await reconnect(stage);
    }
    if (moment === 'after') {
      weather.open(stage.gateway.node);
      await stage.settle();
      await stage.desire('level', 2);
    }
    weather.open(stage.gateway.node);
    await stage.settle();
    t.is(stage.desired('level')?.value, 2, `${moment}: the cloud's value stands`);
    t.is(stage.gateway.plant.register(stage.key('level')).value, 2);
    t.is(conflicts(stage), moment === 'after' ? 0 : 1, `${moment}: a person sees what was lost`);
  }
});

test('T11 a late copy of the first write changes nothing after the second', async (t) => {
  const stage = await Stage.open();
  const locals = stage.post.hold('local');
  await stage.writeLocally('level', 5);
  await stage.until('sent', () => locals.letters.length === 1);
  const [first] = locals.letters;
  locals.deliver(first!);
  locals.open();
  await stage.settle();
  await stage.writeLocally('level', 6);
  await stage.settle();
  locals.deliver(first!);
  await stage.pass(5000);
  t.is(stage.desired('level')?.value, 6);
  t.is(conflicts(stage), 0);
  await stage.settle();
});

test('T11 the echo of an older own write is stored, not written over the newer one', async (t) => {
  const stage = await Stage.open();
  const answers = stage.post.hold('local-result', 'desired');
  await stage.writeLocally('level', 5);
  await stage.until('echoed', () =>
    answers.letters.some(({ message }) => message.kind === 'desired'),
  );
  const locals = stage.post.hold('local');
  await stage.writeLocally('level', 6);
  await stage.until(
    'at the device',
    () => stage.gateway.plant.register(stage.key('level')).value === 6,
  );
  answers.open();
  const echo = answers.letters.filter(({ message }) => message.kind === 'desired');
  answers.deliver(...echo);
  await stage.pass(5000);
  t.is(stage.gateway.plant.register(stage.key('level')).value, 6);
  locals.open();
  await reconnect(stage);
  await stage.settle();
  t.is(stage.gateway.plant.register(stage.key('level')).value, 6);
});

test('T10 a desired value that came after a local write is at the device before the hub has judged it', async (t) => {
  const stage = await Stage.open();
  const written = () => stage.gateway.plant.register(stage.key('level')).value;
  const asked = stage.post.hold('local');
  await stage.writeLocally('level', 5);
  await stage.until('written', () => written() === 5);
  await stage.until('asked', () => asked.letters.length > 0);
  await stage.desire('level', 7);
  await stage.until('written over', () => written() === 7, 60_000);
  t.is(stage.locals('level')?.pending?.lost, true);
  asked.open();
  asked.deliver();
  await stage.settle();
  t.is(written(), 7);
  t.is(conflicts(stage), 1);
});
