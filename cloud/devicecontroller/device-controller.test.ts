import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { HubBench } from '../cloudhub/hub-bench.js';
import type { ScriptedGateway } from '../cloudhub/hub-bench.js';
import { announceRow, hex, stateRow, version } from '../cloudhub/machine-bench.js';
import type { FleetChange, HubPropertyView } from '../fleet.js';
import { HUB_LIMITS } from '../limits.js';

const DEVICE = 'default/boiler';
const write = (value: number) => ({
  device: DEVICE,
  property: 'target',
  value,
  actor: 'operator:ann',
});

function target(bench: HubBench): HubPropertyView {
  const view = bench.fleet
    .device(DEVICE)
    ?.properties.find((own) => own.description.name === 'target');
  if (view === undefined) throw new TypeError('no target');
  return view;
}

function report(gateway: ScriptedGateway, n: number, value: number, label = version(0, 0)): void {
  const row = stateRow(n, value, { property: 'target', desiredVersion: label });
  gateway.say({ kind: 'state', epoch: gateway.epoch, id: n, rows: [row] });
}

const states = (changes: readonly FleetChange[]): string[] =>
  changes.flatMap((change) => (change.kind === 'property' ? [change.property.state] : []));

test('a desired value goes down, is stored, and is in-sync only by its own label and value (I7, H20)', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  report(gateway, 2, 40);
  await bench.run();
  t.like(target(bench), { state: 'in-sync', storedOnGateway: false });

  const desired = await bench.fleet.setDesired(write(40));
  await bench.run();
  t.like(target(bench), { state: 'pending', storedOnGateway: false }, 'equal by accident');
  const [message] = gateway.all('desired');
  t.like(message?.rows[0], { property: 'target', value: 40, version: desired.version });
  gateway.say({ kind: 'stored', epoch: gateway.epoch, id: message?.id ?? 0 });
  await bench.run();
  t.like(target(bench), { state: 'pending', storedOnGateway: true });
  report(gateway, 3, 40, desired.version);
  await bench.run();
  t.like(target(bench), { state: 'in-sync', desired, storedOnGateway: true });
  report(gateway, 4, 41, desired.version);
  await bench.run();
  t.like(target(bench), { state: 'failed', reason: 'EDGE_VALUE_DIFFERS' });
});

test('a desired value for a node that is away is durable, pending, and sent when it is back', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  gateway.close();
  await bench.run();
  t.is(bench.fleet.node('gw-1')?.online, false);
  const desired = await bench.fleet.setDesired(write(30));
  await bench.crash();
  t.deepEqual(target(bench).desired, desired);
  const again = await bench.gateway();
  await again.open(bench, { lastEpoch: 1, state: { value: 1, forks: [] } });
  await bench.skip(HUB_LIMITS.digestWithinMs + 2 * HUB_LIMITS.sweepEveryMs);
  t.is(again.all('desired')[0]?.rows[0]?.value, 30);
});

test('refusals name their code; a version that is not the present one is a conflict', async (t) => {
  const bench = await HubBench.start();
  await bench.ready();
  const code = async (request: Partial<Parameters<typeof bench.fleet.setDesired>[0]>) => {
    const error = await t.throwsAsync(bench.fleet.setDesired({ ...write(1), ...request }), {
      instanceOf: EdgeError,
    });
    return error.code;
  };
  t.is(await code({ device: 'default/unknown' }), 'EDGE_NO_DEVICE');
  t.is(await code({ property: 'nonsense' }), 'EDGE_NO_PROPERTY');
  t.is(await code({ property: 'temperature' }), 'EDGE_READ_ONLY');
  t.is(await code({ value: 'hot' }), 'EDGE_TYPE');
  t.is(await code({ value: 91 }), 'EDGE_RANGE');
  t.is(await code({ ifVersion: version(1, 4) }), 'EDGE_CONFLICT');
  t.is(target(bench).desired, undefined);
});

test('of two writers on one version, one wins and the other is told', async (t) => {
  const bench = await HubBench.start();
  await bench.ready();
  const ifVersion = version(0, 0);
  const outcomes = await Promise.allSettled([
    bench.fleet.setDesired({ ...write(1), ifVersion }),
    bench.fleet.setDesired({ ...write(2), ifVersion }),
  ]);
  t.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  t.is(target(bench).desired?.value, 1);
});

test('too many writes that wait for one node are refused, the others are answered', async (t) => {
  const bench = await HubBench.start();
  await bench.ready();
  bench.holdSyncs();
  const all = Array.from({ length: HUB_LIMITS.queuedRequests + 5 }, (_, at) =>
    bench.fleet.setDesired(write(at % 90)),
  );
  const settled = Promise.allSettled(all);
  await bench.run();
  bench.releaseSyncs();
  await bench.run(200);
  const refused = (await settled).filter(({ status }) => status === 'rejected');
  t.is(refused.length, 5);
});

test('a value is fresh for three cycles or ten seconds, then watchers hear that it is stale', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  report(gateway, 2, 40);
  await bench.run();
  bench.changes = [];
  await bench.skip(HUB_LIMITS.freshMs - 1000);
  t.is(target(bench).state, 'in-sync');
  t.deepEqual(states(bench.changes), []);
  await bench.skip(2000);
  t.deepEqual(states(bench.changes), ['stale']);
  t.true((target(bench).ageMs ?? 0) > HUB_LIMITS.freshMs);
  report(gateway, 3, 40);
  await bench.run();
  t.deepEqual(states(bench.changes), ['stale', 'in-sync']);
});

test('when the node goes away its values are stale at once, and until each is heard again', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  report(gateway, 2, 40);
  await bench.run();
  bench.changes = [];
  gateway.close();
  await bench.run();
  t.deepEqual(states(bench.changes), ['stale']);
  t.like(bench.changes.at(-1), { kind: 'node', node: { online: false } });
  const again = await bench.gateway();
  await again.open(bench, { lastEpoch: 1, state: { value: 2, forks: [] } });
  t.is(target(bench).state, 'stale');
});

test('watchers see versions that never go down, and a failing one harms nobody (I3)', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  bench.fleet.watch(() => {
    throw new TypeError('a broken watcher');
  });
  const stop = bench.fleet.watch(() => t.fail('stopped'));
  stop();
  bench.changes = [];
  for (const n of [5, 3, 9, 2, 7, 12, 11]) report(gateway, n, n);
  await bench.run();
  const seen = bench.changes.flatMap((change) =>
    change.kind === 'property' ? [change.property.reported?.version.n] : [],
  );
  t.deepEqual(seen, [5, 9, 12]);
});

test('a device comes, changes and goes; watchers hear of each', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  t.deepEqual(
    bench.changes.map(({ kind }) => kind),
    ['node', 'device'],
  );
  bench.changes = [];
  const rows = [announceRow(5, { description: null })];
  gateway.say({ kind: 'announce', epoch: gateway.epoch, id: 5, rows });
  await bench.run();
  t.deepEqual(bench.changes, [{ kind: 'device-removed', node: 'gw-1', device: DEVICE }]);
  t.deepEqual(bench.fleet.devices(), []);
  t.is(bench.fleet.device(DEVICE), undefined);
  t.is(bench.fleet.node('gw-1')?.devices, 0);
});

test('devices are sorted by id and may be asked for by node', async (t) => {
  const bench = await HubBench.start();
  await bench.ready('gw-2', {}, 'default/b');
  await bench.ready('gw-1', {}, 'default/c');
  await bench.ready('gw-3', {}, 'default/a');
  const ids = (node?: string) =>
    bench.fleet.devices(node === undefined ? {} : { node }).map((view) => view.description.id);
  t.deepEqual(ids(), ['default/a', 'default/b', 'default/c']);
  t.deepEqual(ids('gw-1'), ['default/c']);
  t.deepEqual(ids('gw-9'), []);
  t.deepEqual(
    bench.fleet.nodes().map(({ name }) => name),
    ['gw-1', 'gw-2', 'gw-3'],
  );
});

test('a local write that lost is shown beside the value until a person decides', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  await bench.fleet.setDesired(write(10));
  bench.changes = [];
  gateway.say({
    kind: 'local',
    epoch: gateway.epoch,
    device: DEVICE,
    incarnation: version(1, 1),
    property: 'target',
    lid: version(1, 5),
    base: version(0, 0),
    chainStart: version(1, 5),
    value: 33,
  });
  await bench.run();
  t.like(target(bench).conflict, { local: 33, lid: version(1, 5) });
  t.like(bench.changes[0], { kind: 'property', property: { conflict: { local: 33 } } });
  await bench.fleet.setDesired(write(33));
  t.is(target(bench).conflict, undefined);
});

test('alarms are cleared by a person; an unknown node is an error', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  gateway.close();
  await bench.run();
  const other = await bench.gateway();
  await other.open(bench, { lineage: hex('d'), boot: hex('2') });
  t.is(bench.fleet.node('gw-1')?.alarms[0]?.code, 'EDGE_GATEWAY_RESTORED');
  await bench.fleet.clearAlarm('gw-1', 'EDGE_GATEWAY_RESTORED');
  t.deepEqual(bench.fleet.node('gw-1')?.alarms, []);
  await t.throwsAsync(bench.fleet.clearAlarm('gw-9', 'EDGE_CLONE'), { name: 'EdgeError' });
});
