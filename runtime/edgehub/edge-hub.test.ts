import test from 'ava';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { decodeMessage, encodeMessage } from '#protocol/message-codec.js';
import { seededRandom } from '#protocol/random.js';
import type { StateRow, SyncMessage, Welcome } from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import { MemoryNetwork } from '#tunnel/memory.js';
import type { Connection } from '#tunnel/transport.js';
import { DeviceTwin } from '../devicetwin/device-twin.js';
import { TAP } from '../devicetwin/test-twins.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayTables } from '../metamanager/tables.js';
import { EdgeHub } from './edge-hub.js';

async function turns(): Promise<void> {
  for (let i = 0; i < 300; i++) await Promise.resolve();
}

/** A hub of a few lines: it believes everything and acknowledges it. */
class ScriptedHub {
  connections: Connection[] = [];
  heard: SyncMessage[] = [];
  rows = new Map<string, StateRow>();
  epoch = 0;
  answers = true;
  welcome: Partial<Welcome> = {};

  constructor(network: MemoryNetwork) {
    const identity = { key: '', certificate: 'hub', authorities: [] };
    network.listen({ identity }).onConnection((connection) => {
      this.connections.push(connection);
      connection.onMessage((bytes) => this.#hear(connection, decodeMessage(bytes)));
      connection.onDrained(() => undefined);
      connection.onClose(() => undefined);
    });
  }

  get kinds(): string[] {
    return this.heard.map(({ kind }) => kind);
  }

  send(message: SyncMessage, connection = this.connections.at(-1)): void {
    connection?.send(encodeMessage(message), 'twin');
  }

  #hear(connection: Connection, message: SyncMessage): void {
    this.heard.push(message);
    const { epoch } = this;
    if (message.kind === 'hello') {
      this.epoch = Math.max(epoch, message.lastEpoch) + 1;
      this.send(
        { ...WELCOME, epoch: this.epoch, lineage: message.lineage, ...this.welcome },
        connection,
      );
    } else if (message.kind === 'ready') this.send({ kind: 'confirm', epoch }, connection);
    else if ((message.kind === 'state' || message.kind === 'announce') && this.answers) {
      if (message.kind === 'state')
        for (const row of message.rows) this.rows.set(row.property, row);
      this.send({ kind: 'ack', epoch, id: message.id, rejects: [] }, connection);
    }
  }
}

const WELCOME: Welcome = {
  kind: 'welcome',
  epoch: 1,
  lineage: '',
  gen: 1,
  fork: false,
  resync: false,
  known: { state: 0, samples: 0 },
  hubLineage: 'c000000000000001',
  hubGen: 1,
  hubBoot: 'd000000000000001',
  adopt: false,
  protocol: 1,
  features: [],
  messageBytes: 65536,
  monotonicMs: 0,
};

async function site(storage = new MemoryStorage()) {
  const clock = new ManualClock();
  const random = seededRandom(storage.actions + 7);
  const log = silentLog;
  const network = new MemoryNetwork({ clock, random, latencyMs: 10, silenceMs: 5000 });
  const hub = new ScriptedHub(network);
  const store = await openStore<GatewayTables>(storage, { clock, random, log });
  const meta = await MetaStore.open(store, { clock, random, log });
  const twins = new DeviceTwin({ meta, devices: [TAP], clock, log });
  const edgeHub = new EdgeHub({
    meta,
    twins,
    transport: network.transport(),
    url: 'wss://hub:443',
    identity: { key: '', certificate: 'node', authorities: [] },
    clock,
    random,
    log,
    software: 'edgetwin test',
    fallback: 'broker: must be a map',
    strict: true,
  });
  const pass = async (ms: number): Promise<void> => {
    const end = clock.now() + ms;
    while (clock.now() < end) {
      clock.advance(Math.min(20, end - clock.now()));
      await turns();
    }
  };
  const report = (value: number) =>
    twins.report({
      device: TAP.id,
      readings: [
        { property: 'level', value, quality: 'good', timestamp: 1, appliedVersion: NO_VERSION },
      ],
    });
  return { clock, network, hub, meta, twins, edgeHub, pass, report, storage };
}

test('a session: HELLO, WELCOME, READY, the devices, then their rows', async (t) => {
  const { hub, edgeHub, pass, report, twins } = await site();
  await report(7);
  edgeHub.start();
  await pass(1000);
  t.deepEqual(hub.kinds.slice(0, 4), ['hello', 'ready', 'announce', 'state']);
  t.like(hub.heard[0], { software: 'edgetwin test', fallback: 'broker: must be a map' });
  t.is(hub.rows.get('level')!.value, 7);
  t.like(edgeHub.status(), { connected: true, epoch: 1, unsent: 0, inFlight: 0, reconnects: 0 });
  t.false(twins.device(TAP.id)!.properties[0]!.unsent);
  t.deepEqual(edgeHub.status().invariants, {});
});

test('the link is cut: reports wait, and arrive when it is mended', async (t) => {
  const { hub, edgeHub, network, pass, report } = await site();
  edgeHub.start();
  await pass(500);
  network.cut();
  for (let i = 1; i <= 200; i++) await report(i);
  await pass(120_000);
  t.like(edgeHub.status(), { connected: false, unsent: 1 });
  t.true(edgeHub.status().lastError !== undefined);
  network.mend();
  await pass(70_000);
  t.is(hub.rows.get('level')!.value, 200);
  t.like(edgeHub.status(), { connected: true, epoch: 2, unsent: 0, reconnects: 1 });
});

test('desired values are stored, then said to be stored', async (t) => {
  const { hub, edgeHub, pass, twins } = await site();
  edgeHub.start();
  await pass(500);
  const { incarnation } = twins.device(TAP.id)!;
  const row = {
    device: TAP.id,
    incarnation,
    property: 'level',
    version: { gen: 1, n: 3 },
    value: 9,
  };
  hub.send({ kind: 'desired', epoch: 1, id: 4, rows: [row] });
  await pass(100);
  t.is(twins.device(TAP.id)!.properties[0]!.desired!.value, 9);
  t.deepEqual(
    hub.heard.filter(({ kind }) => kind === 'stored'),
    [{ kind: 'stored', epoch: 1, id: 4 }],
  );
});

test('while the storage refuses WELCOME nothing but HELLO leaves', async (t) => {
  const { hub, edgeHub, pass, storage } = await site();
  storage.fail({ nth: 1, fault: 'ENOSPC', sticky: true });
  edgeHub.start();
  await pass(30_000);
  t.deepEqual([...new Set(hub.kinds)], ['hello']);
  storage.heal();
  await pass(60_000);
  t.true(edgeHub.status().connected);
});

test('a gateway that is superseded keeps away for ten minutes and says so', async (t) => {
  const { hub, edgeHub, pass, clock } = await site();
  edgeHub.start();
  await pass(500);
  hub.send({ kind: 'bye', reason: 'superseded', detail: 'a newer session' });
  await pass(GATEWAY_LIMITS.holdFirstMs - 1000);
  t.is(hub.connections.length, 1);
  const { held, connected, lastError } = edgeHub.status();
  t.false(connected);
  t.is(held?.reason, 'superseded');
  t.is(lastError?.code, 'EDGE_SUPERSEDED');
  t.true(held!.until > clock.wallTime());
  await pass(GATEWAY_LIMITS.holdFirstMs);
  t.true(edgeHub.status().connected);
});

test('hostile bytes end the session, not the process', async (t) => {
  const { hub, edgeHub, pass } = await site();
  edgeHub.start();
  await pass(500);
  for (const bytes of [
    new Uint8Array(0),
    new Uint8Array([9, 9, 9]),
    new TextEncoder().encode('\x01\0['),
  ]) {
    hub.connections.at(-1)!.send(bytes, 'twin');
    await pass(40);
    t.false(edgeHub.status().connected);
    await pass(70_000);
    t.true(edgeHub.status().connected);
  }
});

test('a hub without an answer is left after a while', async (t) => {
  const { hub, edgeHub, pass } = await site();
  hub.answers = false;
  edgeHub.start();
  await pass(GATEWAY_LIMITS.answerTimeoutMs + 5000);
  t.true(hub.connections.length > 1);
});

test('stop sends what waits, says BYE and hangs up within its time', async (t) => {
  const { hub, edgeHub, pass, report, clock } = await site();
  edgeHub.start();
  await pass(500);
  await report(1);
  await report(2);
  let stopped = false;
  void edgeHub.stop().then(() => (stopped = true));
  await pass(300);
  t.true(stopped);
  t.is(hub.rows.get('level')!.value, 2);
  await pass(100);
  t.is(hub.kinds.at(-1), 'bye');
  await pass(GATEWAY_LIMITS.redialMaxMs);
  t.is(hub.connections.length, 1);
  t.false(clock.pending().includes('redial'));
});

test('stop gives up after its time when the hub does not answer', async (t) => {
  const { hub, edgeHub, pass, report } = await site();
  edgeHub.start();
  await pass(500);
  hub.answers = false;
  await report(1);
  let stopped = false;
  void edgeHub.stop().then(() => (stopped = true));
  await pass(GATEWAY_LIMITS.flushMs - 100);
  t.false(stopped);
  await pass(200);
  t.true(stopped);
});

test('an acknowledged report survives a crash and is at the hub or still unsent (P1)', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const { hub, edgeHub, pass, report, storage } = await site();
    edgeHub.start();
    await pass(seed * 13);
    await report(seed);
    await pass(seed * 5);
    const after = await site(storage.crash(seededRandom(seed)));
    const { unsent } = after.twins.device(TAP.id)!.properties[0]!;
    t.true(unsent || hub.rows.get('level')?.value === seed, `seed ${seed}`);
  }
});
