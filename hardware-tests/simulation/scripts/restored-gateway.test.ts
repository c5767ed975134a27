import test from 'ava';
import type { Disk } from '#journal/power-cut.js';
import { Stage } from './stage.js';

/** Rows that T6 compares: what the old life reported last, and what the restored one does. */
const OLD = { level: 70, temperature: 71, speed: 72 };
const PROPS = ['level', 'temperature', 'speed'] as const;

interface Variant {
  readonly name: string;
  /** Takes the backup at the moment that the variant is about; the hub then counts on to 100. */
  readonly backup: (stage: Stage) => Promise<Disk>;
  /** What happens at the restored gateway's first contact. */
  readonly contact?: ((stage: Stage) => Promise<void>) | undefined;
}

async function reports(
  stage: Stage,
  count: number,
  value: (index: number) => number,
): Promise<void> {
  for (let index = 0; index < count; index++)
    await stage.read(PROPS[index % 3] ?? 'level', value(index));
}

/** Everything up to a counter of about 100, and the values of OLD as the newest. */
async function liveOn(stage: Stage): Promise<void> {
  await stage.connected();
  while (stage.program.meta.numbering('state').value < 97) await reports(stage, 1, () => 50);
  for (const prop of PROPS) await stage.read(prop, OLD[prop]);
  await stage.until('all is at the hub', () => PROPS.every((prop) => !stage.isUnsent(prop)));
}

async function connectedBoot(stage: Stage): Promise<Disk> {
  await reports(stage, 48, (index) => index);
  await stage.until('all is at the hub', () => PROPS.every((prop) => !stage.isUnsent(prop)));
  return stage.gateway.backup();
}

/** WELCOME does not reach the gateway so many times. */
function losesWelcome(times: number): Variant['contact'] {
  return async (stage) => {
    for (let time = 0; time < times; time++) {
      const held = stage.post.hold('welcome');
      stage.world.weather.open(stage.gateway.node);
      await stage.until('greeted', () => held.letters.length === 1);
      held.open();
      stage.world.weather.block(stage.gateway.node, 'up', 'down');
      await stage.pass(30_000);
    }
  };
}

const VARIANTS: readonly Variant[] = [
  { name: 'in the connected boot', backup: connectedBoot },
  { name: 'WELCOME lost once', backup: connectedBoot, contact: losesWelcome(1) },
  { name: 'WELCOME lost twice', backup: connectedBoot, contact: losesWelcome(2) },
  {
    name: 'a crash right after WELCOME',
    backup: connectedBoot,
    contact: crashesAtWelcome,
  },
  {
    name: 'taken before the first contact',
    backup: async (stage) => {
      // This gateway is new to the hub: it was on another card until now.
      stage.checkers.forget(stage.gateway);
      stage.checkers.emptied(stage.gateway);
      stage.gateway.replaceDisk();
      stage.world.weather.block(stage.gateway.node, 'up', 'down');
      stage.gateway.start();
      await stage.world.started();
      await reports(stage, 20, (index) => index);
      const backup = stage.gateway.backup();
      stage.world.weather.open(stage.gateway.node);
      return backup;
    },
  },
  {
    name: 'taken in a boot that was offline and connected later',
    backup: async (stage) => {
      const backup = await offlineBoot(stage);
      stage.world.weather.open(stage.gateway.node);
      return backup;
    },
  },
  {
    name: 'taken in a boot that was offline, and crashed right after its WELCOME (H8)',
    backup: async (stage) => {
      const backup = await offlineBoot(stage);
      await crashesAtWelcome(stage);
      return backup;
    },
  },
];

async function offlineBoot(stage: Stage): Promise<Disk> {
  await reports(stage, 10, (index) => index);
  stage.world.weather.block(stage.gateway.node, 'up', 'down');
  stage.gateway.crash();
  stage.gateway.start();
  await stage.world.started();
  await reports(stage, 30, (index) => index);
  return stage.gateway.backup();
}

/** WELCOME is durable, and the hub hears nothing of it. */
async function crashesAtWelcome(stage: Stage): Promise<void> {
  const held = stage.post.hold('ready', 'announce', 'state', 'samples', 'digest', 'stored');
  stage.world.weather.open(stage.gateway.node);
  await stage.until('answered', () => held.letters.length > 0);
  held.open();
  stage.gateway.crash();
  stage.gateway.start();
}

for (const { name, backup: take, contact } of VARIANTS)
  test(`T6 a backup counts past the hub offline, over two boots: ${name}`, async (t) => {
    const stage = await Stage.open();
    const backup = await take(stage);
    await liveOn(stage);

    for (const time of [1, 2]) {
      stage.checkers.forget(stage.gateway);
      stage.world.weather.block(stage.gateway.node, 'up', 'down');
      stage.gateway.replaceDisk(backup);
      stage.gateway.start();
      await stage.world.started();
      // 60 offline reports over two boots, of one property only.
      for (let index = 0; index < 60; index++) {
        await stage.read('level', 1000 * time + index);
        if (index !== 30) continue;
        stage.gateway.crash();
        stage.gateway.start();
        await stage.world.started();
      }
      await contact?.(stage);
      stage.world.weather.open(stage.gateway.node);
      await stage.connected(3 * 3_600_000);
      await stage.until('delivered', () => !stage.isUnsent('level'));
      t.is(
        stage.reported('level')?.value,
        1000 * time + 59,
        'what was read after the restore wins',
      );
      for (const prop of ['temperature', 'speed'] as const)
        t.is(stage.reported(prop)?.value, OLD[prop], `the hub keeps the newer ${prop}`);
      t.true(stage.alarms().includes('EDGE_GATEWAY_RESTORED'));
      // The same backup a second time, after a life that went on.
      for (const prop of PROPS) await stage.read(prop, OLD[prop]);
      await stage.until('delivered', () => PROPS.every((prop) => !stage.isUnsent(prop)));
    }
    await stage.settle();
    t.false(stage.alarms().includes('EDGE_CLONE'));
  });

test('T7 a restore without new reports: the hub keeps the newer, the gateway reads again', async (t) => {
  const stage = await Stage.open();
  for (const prop of PROPS) await stage.read(prop, 1);
  await stage.settle();
  const backup = stage.gateway.backup();
  for (const prop of PROPS) await stage.read(prop, OLD[prop]);
  await stage.until('all is at the hub', () => PROPS.every((prop) => !stage.isUnsent(prop)));

  stage.checkers.forget(stage.gateway);
  stage.gateway.replaceDisk(backup);
  stage.gateway.start();
  await stage.connected();
  await stage.pass(30 * 60_000);
  for (const prop of PROPS) {
    t.is(stage.reported(prop)?.value, OLD[prop], 'no digest may repair with what is older');
    t.true(stage.row(prop)?.stale);
    const view = stage.program.twins
      .devices()
      .flatMap(({ properties }) => properties)
      .find(({ property }) => property.name === prop);
    t.is(view?.reported?.quality, 'uncertain');
    t.not(view?.state, 'in-sync', 'a stale value is never shown as fresh');
  }
  for (const prop of PROPS) await stage.read(prop, OLD[prop]);
  await stage.settle();
  for (const prop of PROPS) t.is(stage.row(prop)?.stale, undefined);
});

test('before its READY the hub speaks of the process before: that is no promise of the restored one', async (t) => {
  const stage = await Stage.open();
  const backup = stage.gateway.backup();
  await stage.desire('level', 7);
  await stage.settle();
  stage.checkers.forget(stage.gateway);
  const held = stage.post.hold('ready', 'announce', 'state', 'digest');
  stage.gateway.replaceDisk(backup);
  stage.gateway.start();
  await stage.until('welcomed', () => held.letters.length > 0);
  t.true(stage.view('level').storedOnGateway, 'as far as the hub can know');
  stage.gateway.crash();
  held.open();
  stage.gateway.start();
  await stage.connected();
  await stage.read('level', 7);
  await stage.settle();
  t.is(stage.gateway.plant.register(stage.key('level')).value, 7);
});
