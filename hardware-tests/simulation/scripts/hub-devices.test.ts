import test from 'ava';
import type { DeviceView, HubPropertyView, PutDeviceOutcome } from '#cloud/fleet.js';
import { EdgeError } from '#protocol/errors.js';
import { createValve, deleteValve, valveOf } from '../valve.js';
import { Stage } from './stage.js';

type Wish = Parameters<typeof createValve>[2];

class Yard {
  readonly stage: Stage;
  readonly id: string;

  constructor(stage: Stage) {
    this.stage = stage;
    this.id = valveOf(stage.gateway);
  }

  static async open(): Promise<Yard> {
    return new Yard(await Stage.open());
  }

  create(wish?: Wish): Promise<PutDeviceOutcome> {
    const { stage } = this;
    return stage.done(createValve(stage.world, stage.gateway, wish));
  }

  delete(): Promise<void> {
    return this.stage.done(deleteValve(this.stage.world, this.stage.gateway));
  }

  /** Deleted and created again, while the gateway looks on. */
  async beginAnew(): Promise<void> {
    await this.delete();
    await this.stage.until('gone', () => !this.isThere);
    await this.create();
    await this.stage.until('begun anew', () => this.isThere);
  }

  get view(): DeviceView | undefined {
    return this.stage.hub.fleet.device(this.id);
  }

  get position(): HubPropertyView | undefined {
    return this.view?.properties.find(({ description }) => description.name === 'position');
  }

  /** It runs on the gateway. */
  get isThere(): boolean {
    return this.stage.gateway.program?.twins.device(this.id) !== undefined;
  }

  /** A value of the device is shown at the hub. */
  async shows(value: number): Promise<void> {
    const { stage } = this;
    const key = `${this.id}/position`;
    // Its mapper starts anew, and writes what is desired.
    await stage.pass(2000);
    Object.assign(stage.gateway.plant.register(key), { value, drifted: true });
    for (let reads = 0; reads < 60 && this.position?.reported?.value !== value; reads++) {
      await stage.done(stage.gateway.plant.read(key));
      await stage.pass(1500);
    }
    await stage.until(`shown as ${value}`, () => this.position?.reported?.value === value);
  }

  async want(value: number): Promise<void> {
    const { stage, id: device } = this;
    const request = { device, property: 'position', value, actor: 'operator:x' };
    await stage.done(stage.hub.fleet.setDesired(request));
  }
}

test('a device created at the hub runs on its gateway without a restart, and takes values', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  const starts = stage.gateway.starts;
  t.like(await yard.create(), { change: 'created', node: stage.gateway.node });
  t.is(yard.view?.hub?.storedOnGateway, false);
  await yard.want(40);
  await stage.until(
    'written',
    () => stage.gateway.plant.register(`${yard.id}/position`).value === 40,
  );
  await yard.shows(40);
  await stage.until('in sync', () => yard.position?.state === 'in-sync');
  t.is(yard.view?.hub?.storedOnGateway, true);
  await stage.settle();
  t.is(stage.gateway.starts, starts);
  t.is((await yard.create()).change, 'unchanged');
});

test('deleted at the hub, it is gone at both ends; created again, it has an empty twin', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  await yard.create();
  await yard.want(3);
  await yard.shows(3);
  await yard.delete();
  t.is(yard.view, undefined);
  await stage.until('gone', () => !yard.isThere);
  await stage.settle();
  t.deepEqual(
    [...stage.program.meta.rows('desired').keys()].filter((key) => key.startsWith(yard.id)),
    [],
  );
  await yard.create();
  t.is(yard.position?.desired, undefined);
  t.is(yard.position?.reported, undefined);
  await yard.shows(5);
  await stage.settle();
});

test('a report of the life before that arrives in the next one changes nothing (H21)', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  await yard.create();
  await yard.shows(3);
  const late = stage.post.hold('state');
  const key = `${yard.id}/position`;
  Object.assign(stage.gateway.plant.register(key), { value: 9, drifted: true });
  await stage.done(stage.gateway.plant.read(key));
  await stage.until('on its way', () => late.letters.length > 0);
  await yard.beginAnew();
  late.open();
  late.deliver();
  await stage.pass(2000);
  t.is(yard.position?.reported, undefined);
  await yard.shows(5);
  await stage.settle();
});

test('what was desired of the life before arrives in the next one, and changes nothing (H21)', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  const key = `${yard.id}/position`;
  await yard.create();
  await yard.shows(3);
  const late = stage.post.hold('desired');
  await yard.want(9);
  await stage.until('on its way', () => late.letters.length > 0);
  await yard.beginAnew();
  late.open();
  late.deliver();
  await stage.pass(2000);
  t.is(stage.program.meta.get('desired', key), undefined);
  await yard.shows(5);
  await stage.settle();
  t.is(stage.gateway.plant.register(key).value, 5);
});

test('hours offline: created, changed, deleted and created again; the last word arrives', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  const { weather } = stage.world;
  await yard.create();
  await yard.shows(1);
  weather.block(stage.gateway.node, 'up', 'down');
  await stage.until('cut', () => !stage.program.edgeHub.isLive);
  await yard.delete();
  await yard.create({ cycle: '2s' });
  await yard.want(9);
  await stage.pass(2 * 3_600_000);
  t.true(yard.isThere, 'it goes on as it was');
  stage.gateway.crash();
  stage.gateway.start();
  await stage.world.started();
  t.true(yard.isThere, 'also after a restart');
  weather.open(stage.gateway.node);
  await stage.connected();
  await stage.until(
    'written',
    () => stage.gateway.plant.register(`${yard.id}/position`).value === 9,
  );
  await yard.shows(9);
  await stage.until('in sync', () => yard.position?.state === 'in-sync');
  await stage.settle();
  weather.block(stage.gateway.node, 'up', 'down');
  await stage.until('cut', () => !stage.program.edgeHub.isLive);
  await yard.delete();
  stage.world.hub.crash();
  stage.world.hub.start();
  weather.open(stage.gateway.node);
  await stage.world.started();
  await stage.connected();
  await stage.until('gone', () => !yard.isThere);
  await stage.settle();
});

test('other settings are the same life, another form of a property is a new one', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  await yard.create();
  await yard.want(4);
  await yard.shows(4);
  const life = yard.view?.incarnation;
  t.is((await yard.create({ cycle: '3s', forms: { flow: 'FLOAT' } })).change, 'updated');
  t.deepEqual(yard.view?.incarnation, life);
  t.is(yard.position?.desired?.value, 4);
  await stage.settle();
  t.is((await yard.create({ forms: { flow: 'STRING' } })).change, 'replaced');
  t.notDeepEqual(yard.view?.incarnation, life);
  t.is(yard.position?.desired, undefined);
  await yard.shows(6);
  await stage.settle();
});

test('what the documents desire is desired, and a later document says it anew', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  await yard.create({ desired: 12 });
  t.is(yard.position?.desired?.value, 12);
  await stage.until(
    'written',
    () => stage.gateway.plant.register(`${yard.id}/position`).value === 12,
  );
  await yard.want(13);
  t.is((await yard.create({ desired: 12, cycle: '2s' })).change, 'updated');
  t.is(yard.position?.desired?.value, 13, 'the document asks for nothing new');
  await yard.create({ desired: 14 });
  t.is(yard.position?.desired?.value, 14);
  await yard.shows(14);
  await stage.settle();
});

test('late documents and values of an earlier life change nothing, in each order', async (t) => {
  for (const reversed of [false, true]) {
    const yard = await Yard.open();
    const { stage } = yard;
    const held = stage.post.hold('devices', 'desired');
    await yard.create();
    await yard.delete();
    await yard.create({ cycle: '5s' });
    await yard.want(7);
    await stage.until('sent', () => held.letters.length > 0);
    await stage.pass(2000);
    held.deliver(...(reversed ? [...held.letters].reverse() : held.letters));
    held.open();
    await stage.until('there', () => yard.isThere);
    await yard.shows(7);
    await stage.settle();
    t.is(yard.position?.desired?.value, 7);
  }
});

test('a device of a file is not taken over, and a file does not take one of the hub over', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  const { gateway } = stage;
  const restart = async (...devices: typeof gateway.devices): Promise<void> => {
    gateway.devices = [...gateway.plant.devices, ...devices];
    gateway.crash();
    gateway.start();
    await stage.world.started();
    await stage.connected();
    await stage.pass(3000);
  };
  const [tank] = gateway.plant.devices;
  if (tank === undefined) throw new EdgeError('EDGE_INTERNAL', 'no tank');
  const own = { ...tank, id: yard.id };
  await yard.create();
  await stage.settle();
  await restart(own);
  t.deepEqual([...stage.program.twins.refused()], [[yard.id, 'EDGE_DEVICE_TAKEN']]);
  t.is(stage.program.twins.device(yard.id)?.device.model, 'valve');
  await yard.delete();
  await stage.until(
    'the file has it',
    () => stage.program.twins.device(yard.id)?.device.model === 'plant',
  );
  await stage.until('announced', () => yard.view?.description.model === 'plant');
  const refused = await t.throwsAsync(yard.create(), { instanceOf: EdgeError });
  t.is(refused.code, 'EDGE_DEVICE_TAKEN');
  const kept = await t.throwsAsync(yard.delete(), { instanceOf: EdgeError });
  t.is(kept.code, 'EDGE_DEVICE_TAKEN');
  await restart();
  await stage.until('removed', () => yard.view === undefined);
  t.is((await yard.create()).change, 'created');
  await yard.shows(2);
  await stage.settle();
});

test('two claim one id apart from each other: both keep theirs, and both ends show it', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  const { gateway } = stage;
  const { weather } = stage.world;
  weather.block(gateway.node, 'up', 'down');
  await stage.until('cut', () => !stage.program.edgeHub.isLive);
  await yard.create();
  const [tank] = gateway.plant.devices;
  if (tank === undefined) throw new EdgeError('EDGE_INTERNAL', 'no tank');
  gateway.devices = [...gateway.plant.devices, { ...tank, id: yard.id }];
  gateway.crash();
  gateway.start();
  weather.open(gateway.node);
  await stage.world.started();
  await stage.connected();
  await stage.until('refused', () => yard.id in stage.program.edgeHub.status().refused);
  t.deepEqual(stage.program.edgeHub.status().refused, { [yard.id]: 'EDGE_DEVICE_TAKEN' });
  t.deepEqual(stage.alarms(), ['EDGE_DEVICE_TAKEN']);
  t.is(stage.program.twins.device(yard.id)?.device.model, 'plant');
  await yard.delete();
  await stage.until('taken', () => yard.view?.description.model === 'plant');
  t.deepEqual(stage.alarms(), []);
});

test('a restored gateway gets what it missed; a restored hub takes back what only its gateway knows', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  const { gateway, world } = stage;
  const { hub } = world;
  const gatewayBefore = gateway.backup();
  const hubBefore = hub.backup();
  await yard.create();
  await yard.want(5);
  await yard.shows(5);
  await stage.settle();
  stage.checkers.forget(gateway);
  gateway.replaceDisk(gatewayBefore);
  gateway.start();
  await world.started();
  await stage.connected();
  await stage.until('there again', () => yard.isThere);
  await yard.shows(6);
  await stage.settle();

  stage.checkers.forgetHub();
  hub.replaceDisk(hubBefore);
  hub.start();
  await world.started();
  t.is(yard.view, undefined);
  await stage.connected();
  await stage.until('taken back', () => yard.position?.desired?.value === 5);
  await stage.until('its value too', () => yard.position?.reported?.value === 6);
  await stage.settle();

  const withValve = hub.backup();
  await yard.delete();
  await stage.settle();
  stage.checkers.forgetHub();
  hub.replaceDisk(withValve);
  hub.start();
  await world.started();
  t.not(yard.view, undefined);
  await stage.connected();
  await stage.until('deleted again', () => yard.view === undefined);
  await stage.settle();
});

test('what the restored hub was told since stands', async (t) => {
  const yard = await Yard.open();
  const { stage } = yard;
  const { world, gateway } = stage;
  const { hub, weather } = world;
  const before = hub.backup();
  await yard.create({ cycle: '2s' });
  await yard.want(1);
  await yard.shows(1);
  await stage.settle();
  weather.block(gateway.node, 'up', 'down');
  stage.checkers.forgetHub();
  hub.replaceDisk(before);
  hub.start();
  await world.started();
  await yard.create({ cycle: '7s' });
  await yard.want(2);
  weather.open(gateway.node);
  await stage.connected();
  await stage.until('written', () => gateway.plant.register(`${yard.id}/position`).value === 2);
  await yard.shows(2);
  await stage.settle();
  const { device } = stage.program.twins.device(yard.id) ?? {};
  t.deepEqual(device?.protocol.configData, { cycle: '7s' });
});
