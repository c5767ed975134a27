import test from 'ava';
import { Stage } from './stage.js';

test('T12 a read that began before the write does not make it in-sync', async (t) => {
  const stage = await Stage.open();
  const { plant } = stage.gateway;
  const key = stage.key('level');
  // The device holds 4 by accident, and will be asked for 4.
  plant.register(key).value = 4;
  plant.timing = { read: 5000, write: 100 };
  const read = plant.read(key);
  await stage.pass(10);
  const { version } = await stage.desire('level', 4);
  await stage.until('written', () => plant.register(key).ended.n === version.n);
  await stage.done(read);
  await stage.until('delivered', () => !stage.isUnsent('level'));
  t.is(stage.view('level').reported?.value, 4);
  t.is(stage.view('level').state, 'pending', 'the read began before the write had ended');
  plant.timing = {};
  await stage.read('level');
  await stage.until('delivered', () => !stage.isUnsent('level'));
  t.is(stage.view('level').state, 'in-sync');
  await stage.settle();
});

test('T12 a device that ignores writes is not in-sync, unless it holds the value anyway', async (t) => {
  const stage = await Stage.open();
  const { plant } = stage.gateway;
  const key = stage.key('level');
  plant.ignoresWrites = true;
  plant.register(key).value = 1;
  const { version } = await stage.desire('level', 4);
  await stage.until('written', () => plant.register(key).ended.n === version.n);
  await stage.read('level');
  await stage.until('delivered', () => !stage.isUnsent('level'));
  t.is(stage.view('level').state, 'failed');
  t.is(stage.view('level').reason, 'EDGE_VALUE_DIFFERS');
  await stage.read('level', 4);
  await stage.until('delivered', () => !stage.isUnsent('level'));
  t.is(stage.view('level').state, 'in-sync', 'a read after the write saw the value');
});

test('T12 a crash between the write and its record writes again', async (t) => {
  const stage = await Stage.open();
  const { plant } = stage.gateway;
  const key = stage.key('level');
  const stored = stage.post.of('stored').length;
  plant.timing = { write: 10_000 };
  await stage.desire('level', 4);
  await stage.until('stored', () => stage.post.of('stored').length > stored);
  stage.gateway.holdSyncs();
  await stage.until('written', () => plant.register(key).value === 4);
  stage.gateway.crash({ losesAll: true });
  plant.register(key).value = 9;
  plant.timing = {};
  stage.gateway.start();
  await stage.connected();
  await stage.pass(5000);
  await stage.read('level');
  await stage.until('delivered', () => !stage.isUnsent('level'));
  t.is(plant.register(key).value, 4);
  t.is(stage.view('level').state, 'in-sync');
  await stage.settle();
});
