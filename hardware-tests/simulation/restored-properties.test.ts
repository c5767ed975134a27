import test from 'ava';
import { World } from './world.js';

test('a value that was lost on its way before its backup came back reaches the hub without being read again', async (t) => {
  const world = new World({ seed: 1, gateways: 1 });
  const [gateway] = world.gateways;
  if (gateway === undefined) throw new TypeError('no gateway');
  gateway.plant.pace(Infinity);
  world.start();
  await world.started();
  await world.pass(30_000);
  const [tank] = gateway.devices;
  const device = tank?.id ?? '';
  const report = (property: string, value: number): void =>
    void gateway.program?.twins.report({
      device,
      readings: [
        { property, value, quality: 'good', timestamp: 1e12, appliedVersion: { gen: 0, n: 0 } },
      ],
    });
  const atHub = (property: string) =>
    world.hub.program?.fleet
      .device(device)
      ?.properties.find(({ description }) => description.name === property)?.reported;
  const before = atHub('level')?.value;

  world.weather.inspect = ({ way }) => way === 'down';
  report('level', 77);
  await world.pass(3000);
  const backup = gateway.backup();
  world.weather.inspect = () => true;
  report('temperature', 88);
  await world.pass(3000);
  t.is(atHub('temperature')?.value, 88, 'a later number has arrived');
  t.is(atHub('level')?.value, before, 'the earlier one has not');

  gateway.replaceDisk(backup);
  gateway.start();
  await world.started();
  await world.pass(60_000);
  t.like(atHub('level'), { value: 77, quality: 'uncertain', reason: 'EDGE_NOT_READ' });
  t.like(atHub('temperature'), { value: 88 });
  t.true(gateway.program?.twins.device(device)?.properties.every(({ unsent }) => !unsent));
});
