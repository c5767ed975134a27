import test from 'ava';
import type { HubStore } from '../store/hub-store.js';
import { nodeOfKey } from '../store/tables.js';
import { HubBench } from './hub-bench.js';
import type { ScriptedGateway } from './hub-bench.js';
import { boiler, helloOf, hex, stateRow, version } from './machine-bench.js';

const kinds = (gateway: ScriptedGateway): string[] => gateway.heard.map(({ kind }) => kind);
const LAST_EPOCH = { lastEpoch: 1, state: { value: 1, forks: [] } };

test('a gateway is welcomed, confirmed and acknowledged; the fleet shows it', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  t.deepEqual(kinds(gateway), ['welcome', 'confirm', 'ack']);
  t.like(bench.fleet.node('gw-1'), { online: true, transport: 'memory', devices: 1, epoch: 1 });
  t.is(bench.fleet.device('default/boiler')?.node, 'gw-1');
});

test('WELCOME leaves only when it is durable; a crash before changes the epoch, nothing else (T16)', async (t) => {
  const bench = await HubBench.start();
  bench.holdSyncs();
  const lost = await bench.gateway();
  lost.say(helloOf());
  await bench.run();
  t.deepEqual(kinds(lost), []);
  await bench.crash();
  const early = await bench.gateway();
  early.say(helloOf());
  await bench.run();
  t.deepEqual(kinds(early), ['welcome']);
  t.like(early.all('welcome')[0], { gen: 1, fork: false, resync: false });
});

test('a crash after HELLO’s commit and before WELCOME gives the same decision, a higher epoch (T16)', async (t) => {
  const bench = await HubBench.start();
  const first = await bench.ready();
  first.say({
    kind: 'state',
    epoch: first.epoch,
    id: 2,
    rows: [stateRow(100, 20)],
  });
  await bench.run();
  const restored = {
    boot: hex('2'),
    state: { value: 60, forks: [{ boot: hex('2'), before: 50 }] },
  };
  const second = await bench.gateway();
  second.say(helloOf(restored));
  await bench.run(6);
  await bench.crash();
  const third = await bench.gateway();
  third.say(helloOf(restored));
  await bench.run();
  const [welcome] = third.all('welcome');
  t.like(welcome, { fork: true, epoch: 3 });
  t.is(welcome?.known.state, 50);
});

test('watchers and acknowledgements come after the sync, never before (I2, I3, H24)', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  bench.changes = [];
  bench.holdSyncs();
  gateway.say({ kind: 'state', epoch: gateway.epoch, id: 2, rows: [stateRow(2, 20)] });
  await bench.run();
  t.deepEqual(bench.changes, []);
  t.is(gateway.all('ack').length, 1);
  t.is(bench.fleet.device('default/boiler')?.properties[0]?.reported, undefined);
  bench.releaseSyncs();
  await bench.run();
  t.like(bench.changes[0], { kind: 'property', property: { reported: { value: 20 } } });
  t.is(gateway.all('ack').length, 2);
});

test('what was acknowledged survives a crash, with its version', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  gateway.say({ kind: 'state', epoch: gateway.epoch, id: 2, rows: [stateRow(2, 20)] });
  await bench.run();
  t.is(gateway.all('ack').length, 2);
  await bench.crash();
  const [temperature] = bench.fleet.device('default/boiler')?.properties ?? [];
  t.like(temperature?.reported, { value: 20, version: version(1, 2) });
  t.is(temperature?.state, 'stale', 'this process heard nothing yet');
  t.is(temperature?.ageMs, undefined);
});

test('a duplicate of a message is acknowledged like the first (H25)', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  for (let again = 0; again < 3; again++)
    gateway.say({ kind: 'state', epoch: gateway.epoch, id: 2, rows: [stateRow(2, 20)] });
  await bench.run();
  t.deepEqual(
    gateway.all('ack').map(({ id }) => id),
    [1, 2, 2, 2],
  );
  t.is(bench.fleet.counters.rowsApplied, 1);
});

test('a message judged before and committed after another hub process took the node over is not applied (T15, I10)', async (t) => {
  let inner: HubStore | undefined;
  const takeOver = { armed: false };
  const bench = await HubBench.start((own) => {
    own.wrap = (store) => {
      inner = store;
      return {
        loadAll: () => store.loadAll(),
        reload: (last) => store.reload(last),
        commit: async (transaction) => {
          if (takeOver.armed) {
            takeOver.armed = false;
            const node = transaction.node;
            const row = own.fleet.loopOf(node).machine.rows.get('nodes', node);
            const newer = { table: 'nodes', key: node, row: { ...row!, epoch: 9 } } as const;
            const { epoch } = transaction;
            await store.commit({ node, epoch, claims: [], puts: [newer] });
          }
          return store.commit(transaction);
        },
      };
    };
  });
  const gateway = await bench.ready();
  takeOver.armed = true;
  gateway.say({ kind: 'state', epoch: gateway.epoch, id: 2, rows: [stateRow(2, 99)] });
  await bench.run();
  t.is(gateway.all('ack').length, 1);
  t.is(gateway.all('bye')[0]?.reason, 'superseded');
  t.is(gateway.closed?.code, 'superseded');
  t.is(bench.fleet.counters.commitsRefused, 1);
  const [rows] = (await inner?.loadAll()) ?? [];
  t.is(rows?.all('reported').size, 0);
});

test('a storage that fails ends the session without an acknowledgement; when it is well all goes on', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  bench.storage.fail({ nth: 1, fault: 'ENOSPC', sticky: true });
  gateway.say({ kind: 'state', epoch: gateway.epoch, id: 2, rows: [stateRow(2, 20)] });
  await bench.run();
  t.is(gateway.all('ack').length, 1);
  t.is(gateway.all('bye')[0]?.reason, 'shutting-down');
  t.not(gateway.closed, undefined);
  t.is(bench.fleet.counters.commitsRefused, 1);
  t.is(bench.fleet.node('gw-1')?.online, false);
  await t.throwsAsync(
    bench.fleet.setDesired({ device: 'default/boiler', property: 'target', value: 1, actor: 'a' }),
    { name: 'EdgeError' },
  );
  const refused = await bench.gateway();
  refused.say(helloOf(LAST_EPOCH));
  await bench.run();
  t.deepEqual(kinds(refused), []);
  t.is(refused.closed?.code, 'lost');

  bench.storage.heal();
  await bench.skip(60_000);
  const again = await bench.gateway();
  await again.open(bench, { ...LAST_EPOCH, state: { value: 2, forks: [] } });
  again.say({ kind: 'state', epoch: again.epoch, id: 1, rows: [stateRow(2, 20)] });
  await bench.run();
  t.is(again.all('ack').length, 1);
  t.is(bench.fleet.device('default/boiler')?.properties[0]?.reported?.value, 20);
  t.is(
    (
      await bench.fleet.setDesired({
        device: 'default/boiler',
        property: 'target',
        value: 2,
        actor: 'a',
      })
    ).value,
    2,
  );
});

test('stop says goodbye to every gateway and closes the door', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  const stopped = bench.hub.stop();
  bench.fleet.stop();
  await bench.run(2000);
  await stopped;
  t.is(gateway.all('bye')[0]?.reason, 'shutting-down');
  t.is(gateway.closed?.code, 'normal');
  t.deepEqual(bench.clock.pending(), []);
});

test('the newest session wins over the live connection', async (t) => {
  const bench = await HubBench.start();
  const older = await bench.ready();
  const newer = await bench.gateway();
  await newer.open(bench, LAST_EPOCH);
  t.is(older.all('bye')[0]?.reason, 'superseded');
  t.is(older.closed?.code, 'superseded');
  t.like(bench.fleet.node('gw-1'), { online: true, epoch: 2 });
});

test('every row that the hub keeps of a node is found under its name', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  gateway.say({ kind: 'state', epoch: gateway.epoch, id: 2, rows: [stateRow(2, 20)] });
  await bench.run();
  await bench.fleet.setDesired({
    device: 'default/boiler',
    property: 'target',
    value: 5,
    actor: 'a',
  });
  const { rows } = bench.fleet.loopOf('gw-1').machine;
  for (const table of ['nodes', 'lineages', 'devices', 'reported', 'desired'] as const) {
    t.true(rows.all(table).size > 0, table);
    for (const key of rows.all(table).keys()) t.is(nodeOfKey(key), 'gw-1');
  }
  t.is(boiler().id, 'default/boiler');
});
