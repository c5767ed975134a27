import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { Disk } from '#journal/power-cut.js';
import { CommandStage } from './command-stage.js';

/** The way of a command; each ends at the moment that it is named after. */
const STEPS: Readonly<Record<string, (on: CommandStage) => Promise<void>>> = {
  'NEW is durable': async (on) => {
    await on.switchOff();
    await on.ask();
  },
  'SENT is durable': async (on) => {
    const sent = on.hold('command');
    await on.ask();
    await sent();
  },
  'ACCEPTED is on its way to the disk': async (on) => {
    await on.ask();
    on.stage.gateway.holdSyncs();
    await on.stage.until('accepted in memory', () => on.row?.state === 'accepted');
  },
  'ACCEPTED is durable': async (on) => {
    on.stage.gateway.plant.timing = { write: 5000 };
    await on.ask();
    await on.untilAccepted();
  },
  'the effect has happened': async (on) => {
    on.stage.gateway.plant.timing = { write: 5000 };
    await on.ask();
    await on.untilAccepted();
    on.stage.gateway.holdSyncs();
    await on.stage.until('the effect', () => on.done === 1);
  },
  'DONE is durable': async (on) => {
    const told = on.hold('result');
    await on.ask();
    await told();
  },
  'DONE is on its way to the hub’s disk': async (on) => {
    await on.ask();
    await on.untilAccepted();
    on.stage.world.hub.holdSyncs();
    await on.stage.until('told', () => on.stage.post.of('result').length > 0);
    await on.stage.pass(1000);
  },
  'the hub knows': async (on) => {
    const acknowledged = on.hold('resack');
    await on.ask();
    await acknowledged();
  },
};

interface Before {
  readonly gateway: Disk;
  readonly hub: Disk;
}

/** What goes wrong at that moment; the machines are started again afterwards. */
const FAULTS: Readonly<Record<string, (on: CommandStage, before: Before) => Promise<void> | void>> =
  {
    'the gateway crashes': ({ stage }) => stage.gateway.crash({ losesAll: true }),
    'the gateway’s process dies': ({ stage }) => stage.gateway.kill(),
    'the gateway is restored to before it': (on, before) => on.restoreGateway(before.gateway),
    'the gateway is restored to this moment, later': async (on) => {
      const backup = on.stage.gateway.backup();
      await on.release();
      await on.stage.pass(120_000);
      on.restoreGateway(backup);
    },
    'the hub crashes': ({ stage }) => stage.world.hub.crash({ losesAll: true }),
    'the hub’s process dies': ({ stage }) => stage.world.hub.kill(),
    'the hub is restored to before it': (on, before) => on.restoreHub(before.hub),
    'the hub is restored to this moment, later': async (on) => {
      const backup = on.stage.world.hub.backup();
      await on.release();
      await on.stage.pass(20_000);
      on.restoreHub(backup);
    },
    'both crash': ({ stage }) => {
      stage.gateway.crash({ losesAll: true });
      stage.world.hub.crash({ losesAll: true });
    },
  };

for (const [step, reach] of Object.entries(STEPS))
  test(`T9 ${step}, and then each fault: one effect at most, and the truth about it`, async (t) => {
    const ends = new Map<string, number>();
    for (const [fault, strike] of Object.entries(FAULTS))
      for (const byWrites of [true, false]) {
        const on = await CommandStage.open({ byWrites });
        const { stage } = on;
        const before = { gateway: stage.gateway.backup(), hub: stage.world.hub.backup() };
        await reach(on);
        await strike(on, before);
        await on.release();
        // Its time passes, and then another session may bring what is known.
        await stage.pass(120_000);
        await on.release();
        assertTrue(t, on, `${fault}, ${byWrites ? 'by writes' : 'by a method'}`);
        const end = `${on.view?.state ?? 'forgotten'} with ${on.done} effects`;
        ends.set(end, (ends.get(end) ?? 0) + 1);
      }
    t.log([...ends].map(([end, count]) => `${count} ${end}`).join(', '));
    t.true(ends.size > 1, 'the faults made a difference');
  });

/** The checkers of the stage look at effects too, after every turn. */
function assertTrue(t: ExecutionContext, on: CommandStage, what: string): void {
  t.true(on.done <= 1, `${what}: a second effect`);
  t.not(on.row?.state, 'accepted', what);
  const { view } = on;
  if (view === undefined) return;
  t.true(on.hasEnded, `${what}: ${view.state}`);
  if (view.state === 'done') t.is(on.done, 1, what);
  if (view.state === 'expired' || view.state === 'failed') t.is(on.done, 0, what);
}

test('T9 without a fault it is done, whoever carries it out', async (t) => {
  for (const byWrites of [true, false]) {
    const on = await CommandStage.open({ byWrites, seed: byWrites ? 1 : 11 });
    await on.ask();
    await on.untilEnded();
    t.deepEqual([on.view?.state, on.done], ['done', 1]);
    await on.stage.settle();
  }
});

test('T10 its time passes at the hub: expired, and nothing is sent', async (t) => {
  const on = await CommandStage.open();
  await on.switchOff();
  await on.ask(5000);
  await on.stage.pass(8000);
  t.is(on.view?.state, 'expired');
  await on.release();
  await on.stage.settle();
  t.deepEqual([on.done, on.stage.post.of('command').length], [0, 0]);
});

test('T10 its time passes on the way: unknown, then expired when the gateway says so', async (t) => {
  const on = await CommandStage.open();
  const sent = on.hold('command');
  await on.ask(5000);
  await sent();
  await on.stage.pass(8000);
  t.is(on.view?.state, 'unknown', 'it was sent, and nobody has said anything');
  on.held.deliver();
  on.held.open();
  await on.stage.until('refined', () => on.view?.state === 'expired');
  t.is(on.done, 0);
  await on.stage.settle();
});

test('T10 its time passes in the gateway’s queue: expired by the gateway', async (t) => {
  const on = await CommandStage.open();
  on.stage.gateway.plant.timing = { write: 20_000 };
  const first = await on.ask(60_000);
  await on.untilAccepted();
  await on.ask(5000);
  await on.untilAccepted();
  await on.stage.pass(10_000);
  t.is(on.view?.state, 'unknown');
  await on.stage.until('refined', () => on.view?.state === 'expired');
  t.deepEqual([on.done, on.effects.get(first)], [0, 1]);
  await on.stage.settle();
});

test('T10 its time passes while the hub is down: unknown, because this process cannot know', async (t) => {
  const on = await CommandStage.open();
  await on.switchOff();
  await on.ask(5000);
  on.stage.world.hub.kill();
  await on.stage.pass(8000);
  on.stage.world.hub.start();
  await on.stage.world.started();
  await on.stage.pass(2000);
  t.is(on.view?.state, 'unknown');
  await on.release();
  await on.stage.settle();
  t.is(on.done, 0);
});

test('T10 it outlives a process of the hub, and is done with the age that it has', async (t) => {
  const on = await CommandStage.open();
  await on.switchOff();
  await on.ask(60_000);
  on.stage.world.hub.kill();
  await on.stage.pass(10_000);
  await on.release();
  await on.untilEnded();
  t.deepEqual([on.view?.state, on.done], ['done', 1]);
});

test('T10 after a restart of the hub’s machine its age is not known: it is never sent', async (t) => {
  const on = await CommandStage.open();
  await on.switchOff();
  await on.ask(60_000);
  on.stage.world.hub.crash();
  await on.release();
  await on.untilEnded();
  await on.stage.settle();
  t.deepEqual([on.view?.state, on.done], ['unknown', 0]);
  t.is(on.stage.post.of('command').length, 0);
});

test('T10 the gateway restarts while it waits: unknown, and never run', async (t) => {
  const on = await CommandStage.open();
  on.stage.gateway.plant.timing = { write: 20_000 };
  await on.ask(60_000);
  await on.untilAccepted();
  const waits = await on.ask(60_000);
  await on.untilAccepted();
  on.stage.gateway.crash();
  await on.release();
  await on.untilEnded();
  await on.stage.settle();
  t.deepEqual([on.view?.state, on.effects.get(waits) ?? 0], ['unknown', 0]);
});
