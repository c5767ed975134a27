import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import type { Store } from '#journal/store.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { FIRST_NUMBERING } from '#protocol/numbering.js';
import { seededRandom } from '#protocol/random.js';
import { newNode } from '../cloudhub/hello.js';
import { boiler, version } from '../cloudhub/machine-bench.js';
import { EmbeddedHubStore } from './embedded-hub-store.js';
import { Draft, NodeRows } from './node-rows.js';
import {
  conflictKey,
  deviceKey,
  deviceOfKey,
  nodeOfKey,
  propertyKey,
  propertyOfKey,
} from './tables.js';
import type { HubPut, HubTables, NodeRow } from './tables.js';

const openWith = (storage: MemoryStorage): Promise<Store<HubTables>> =>
  openStore<HubTables>(storage, {
    clock: new ManualClock(),
    random: seededRandom(1),
    log: silentLog,
  });

const nodeRow = (epoch: number): NodeRow => ({ ...newNode('b'), epoch });
const nodePut = (node: string, epoch: number): HubPut => ({
  table: 'nodes',
  key: node,
  row: nodeRow(epoch),
});
const devicePut = (node: string, device: string, alive = true): HubPut => ({
  table: 'devices',
  key: deviceKey(node, device),
  row: {
    incarnation: version(1, 1),
    version: version(1, 1),
    description: alive ? boiler(device) : null,
  },
});

test('a commit under the node’s epoch is durable; under another one it changes nothing (I10)', async (t) => {
  const storage = new MemoryStorage();
  const hub = new EmbeddedHubStore(await openWith(storage));
  const commit = (epoch: number, ...puts: HubPut[]) =>
    hub.commit({ node: 'gw-1', epoch, claims: [], puts });
  t.deepEqual(await commit(0, nodePut('gw-1', 1)), { kind: 'committed' });
  t.deepEqual(await commit(0, devicePut('gw-1', 'default/a')), { kind: 'superseded' });
  t.deepEqual(await commit(2, devicePut('gw-1', 'default/a')), { kind: 'superseded' });
  t.deepEqual(await commit(1, devicePut('gw-1', 'default/b')), { kind: 'committed' });

  const after = new EmbeddedHubStore(await openWith(storage.crash(seededRandom(2))));
  const [rows, ...others] = await after.loadAll();
  t.is(others.length, 0);
  t.is(rows?.get('nodes', 'gw-1')?.epoch, 1);
  t.deepEqual([...(rows?.all('devices').keys() ?? [])], [deviceKey('gw-1', 'default/b')]);
});

test('two judgements under one epoch, a new session between judge and commit: the second loses (H22, T15)', async (t) => {
  const hub = new EmbeddedHubStore(await openWith(new MemoryStorage()));
  const judged = { node: 'gw-1', epoch: 0, claims: [], puts: [nodePut('gw-1', 1)] };
  const [first, second] = await Promise.all([hub.commit(judged), hub.commit(judged)]);
  t.deepEqual([first.kind, second.kind], ['committed', 'superseded']);
});

test('of two nodes that claim a device at once, one gets it; a tombstone sets it free', async (t) => {
  const hub = new EmbeddedHubStore(await openWith(new MemoryStorage()));
  const claim = (node: string, alive = true) =>
    hub.commit({
      node,
      epoch: 0,
      claims: alive ? ['default/a'] : [],
      puts: [devicePut(node, 'default/a', alive)],
    });
  const outcomes = await Promise.all([claim('gw-1'), claim('gw-2')]);
  t.deepEqual(outcomes, [{ kind: 'committed' }, { kind: 'taken', devices: ['default/a'] }]);
  await claim('gw-2', false);
  t.is((await claim('gw-2')).kind, 'taken');
  await claim('gw-1', false);
  t.is((await claim('gw-2')).kind, 'committed');
});

test('a refused commit rejects; once the storage is well, reload says what survived', async (t) => {
  const storage = new MemoryStorage();
  const clock = new ManualClock();
  const store = await openStore<HubTables>(storage, {
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
  const hub = new EmbeddedHubStore(store);
  const rows = new NodeRows('gw-1');
  storage.fail({ nth: 1, fault: 'ENOSPC', sticky: true });
  const refused = hub.commit({ node: 'gw-1', epoch: 0, claims: [], puts: [nodePut('gw-1', 1)] });
  await t.throwsAsync(refused, { name: 'EdgeError' });
  await t.throwsAsync(hub.reload(rows), { name: 'EdgeError' });
  storage.heal();
  const healed = await eventually(clock, () => hub.reload(rows));
  t.is(healed.get('nodes', 'gw-1')?.epoch, 1);
});

test('keys begin with the node and are taken apart again', (t) => {
  const key = propertyKey('gw-1', 'default/a', 'temperature');
  t.deepEqual(
    [nodeOfKey(key), deviceOfKey(key), propertyOfKey(key)],
    ['gw-1', 'default/a', 'temperature'],
  );
  t.is(nodeOfKey('gw-1'), 'gw-1');
  t.is(nodeOfKey(conflictKey('gw-1', version(2, 3))), 'gw-1');
});

test('a draft reads what it put, and its base stays as it was', (t) => {
  const base = new NodeRows('gw-1', [
    devicePut('gw-1', 'default/a'),
    { table: 'numberings', key: 'gw-1', row: FIRST_NUMBERING },
  ]);
  const draft = new Draft(base);
  const key = deviceKey('gw-1', 'default/a');
  draft.remove('devices', key);
  draft.remove('devices', deviceKey('gw-1', 'default/never'));
  draft.put('nodes', 'gw-1', nodeRow(3));
  t.is(draft.get('devices', key), undefined);
  t.is(draft.get('nodes', 'gw-1')?.epoch, 3);
  t.is(draft.get('numberings', 'gw-1')?.value, 0);
  t.not(base.get('devices', key), undefined);
  t.is(draft.puts().length, 2);
  base.apply(draft.puts());
  t.is(base.get('devices', key), undefined);
});

test('the store may hold the tables of other rooms as well', async (t) => {
  interface Others {
    tokens: { readonly hash: string };
  }
  const store = await openStore<HubTables & Others>(new MemoryStorage(), {
    clock: new ManualClock(),
    random: seededRandom(1),
    log: silentLog,
  });
  await store.commit([{ table: 'tokens', key: 'gw-1', row: { hash: 'x' } }]);
  t.deepEqual(await new EmbeddedHubStore(store).loadAll(), []);
});

/** Moves the clock until the promise that `attempt` makes resolves. */
async function eventually<T>(clock: ManualClock, attempt: () => Promise<T>): Promise<T> {
  for (let seconds = 0; seconds < 120; seconds++) {
    clock.advance(1000);
    const result = await attempt().catch(() => undefined);
    if (result !== undefined) return result;
  }
  throw new TypeError('never');
}
