import test from 'ava';
import { Stage } from './stage.js';

test('T1 the second of two messages comes first: neither property is lost, whatever crashes', async (t) => {
  for (const crashes of [false, true]) {
    const stage = await Stage.open();
    const held = stage.post.hold('state');
    await stage.read('level', 11);
    await stage.until('sent', () => held.letters.length === 1);
    await stage.read('speed', 22);
    await stage.until('sent', () => held.letters.length === 2);
    const [first, second] = held.letters;
    held.deliver(second!);
    await stage.until('acknowledged', () => !stage.isUnsent('speed'));
    t.is(stage.reported('speed')?.value, 22);
    t.is(stage.reported('level'), undefined);
    t.true(stage.isUnsent('level'), 'it was not acknowledged with the other one');

    held.open();
    if (crashes) {
      stage.gateway.crash();
      stage.gateway.start();
    } else held.deliver(first!);
    await stage.settle();
    t.is(stage.reported('level')?.value, 11);
    t.is(stage.reported('speed')?.value, 22);
  }
});

test('T4 the acknowledgement of a version clears nothing that replaced it', async (t) => {
  const stage = await Stage.open();
  const acks = stage.post.hold('ack');
  await stage.read('level', 1);
  await stage.until('answered', () => acks.letters.length === 1);
  const states = stage.post.hold('state');
  await stage.read('level', 2);
  await stage.until('sent', () => states.letters.length === 1);
  acks.deliver();
  await stage.pass(5000);
  t.is(stage.reported('level')?.value, 1);
  t.true(stage.isUnsent('level'));
  // The session ends: what was never acknowledged goes again.
  acks.open();
  states.open();
  stage.world.weather.block(stage.gateway.node, 'up', 'down');
  await stage.pass(20_000);
  stage.world.weather.open(stage.gateway.node);
  await stage.settle();
  t.is(stage.reported('level')?.value, 2);
});

test('T5 nothing leaves before its sync: a crash gives its number to another value', async (t) => {
  const stage = await Stage.open();
  await stage.read('level', 1);
  await stage.settle();
  const before = stage.post.of('state').length;
  stage.gateway.holdSyncs();
  stage.gateway.plant.register(stage.key('level')).value = 2;
  void stage.gateway.plant.read(stage.key('level'));
  await stage.until('in memory', () => stage.row('level')?.value === 2);
  const lost = stage.row('level')?.n;
  await stage.pass(30_000);
  t.is(stage.post.of('state').length, before, 'it is not durable, so it stays here');
  stage.gateway.crash();
  // Whatever the crash left of it: it is read again, and may get the same number.
  stage.gateway.start();
  await stage.connected();
  await stage.read('level', 3);
  await stage.settle();
  t.is(stage.reported('level')?.value, 3);
  t.true((stage.row('level')?.n ?? 0) >= (lost ?? 0));
});

test('a message that is lost within its session is sent again, though others are answered', async (t) => {
  const stage = await Stage.open();
  const held = stage.post.hold('state');
  await stage.read('level', 11);
  await stage.until('sent', () => held.letters.length === 1);
  held.open();
  // Nothing of `level` happens any more, and something of `speed` is answered all the time.
  for (let round = 0; round < 40; round++) {
    await stage.read('speed', round);
    await stage.pass(10_000);
  }
  t.is(stage.reported('level')?.value, 11);
  await stage.settle();
});
