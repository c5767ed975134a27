import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { tablesOf } from '#journal/store.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { FLAG_COMPRESSED } from '#protocol/message-codec.js';
import { seededRandom } from '#protocol/random.js';
import { SessionCodec } from '#protocol/session-codec.js';
import type { Random } from '#protocol/random.js';
import type { Hello, SyncMessage } from '#protocol/sync-message.js';
import { MemoryNetwork } from '#tunnel/memory.js';
import type { CloseReason, Connection, Peer } from '#tunnel/transport.js';
import { audited } from '../audit/audited-store.js';
import { AuditTrail } from '../audit/audit-trail.js';
import { Refusals } from '../audit/refusals.js';
import type { AuditRecord, AuditTables } from '../audit/tables.js';
import { DeviceController } from '../devicecontroller/device-controller.js';
import type { FleetChange } from '../fleet.js';
import { EmbeddedHubStore } from '../store/embedded-hub-store.js';
import type { HubStore } from '../store/hub-store.js';
import type { HubTables } from '../store/tables.js';
import { CloudHub } from './cloud-hub.js';
import { announceRow, helloOf } from './machine-bench.js';

type BenchTables = HubTables & AuditTables;

type StorageAction = 'sync' | 'write';

/** For tests: a whole hub over a journal in memory and a network in memory, moved by hand. */
export class HubBench {
  readonly clock = new ManualClock();
  readonly random: Random;
  readonly network: MemoryNetwork;
  storage: MemoryStorage;
  /** Refused by the enrolment. */
  readonly revoked = new Set<string>();
  /** Puts something between the hub and its store. */
  wrap: (store: HubStore) => HubStore = (store) => store;
  changes: FleetChange[] = [];
  /** While set, syncs of the journal wait for it. */
  #gate: { readonly open: Promise<void>; readonly release: () => void } | undefined;
  #fleet: DeviceController | undefined;
  #unwatch = (): void => undefined;
  #hub: CloudHub | undefined;
  #trail: AuditTrail | undefined;

  constructor({ seed = 7, jitterMs = 0 } = {}) {
    const { clock } = this;
    this.random = seededRandom(seed);
    const { random } = this;
    this.network = new MemoryNetwork({ clock, random, latencyMs: 5, jitterMs, silenceMs: 1000 });
    this.storage = new MemoryStorage(undefined, { before: (action) => this.#before(action) });
  }

  static async start(configure: (bench: HubBench) => void = () => undefined): Promise<HubBench> {
    const bench = new HubBench();
    configure(bench);
    await bench.open();
    return bench;
  }

  get fleet(): DeviceController {
    if (this.#fleet === undefined) throw new TypeError('not open');
    return this.#fleet;
  }

  get hub(): CloudHub {
    if (this.#hub === undefined) throw new TypeError('not open');
    return this.#hub;
  }

  /** The audit trail, oldest first. */
  get audit(): readonly AuditRecord[] {
    return this.#trail?.page({ after: 0, limit: 1_000 }).records ?? [];
  }

  async open(): Promise<void> {
    const { clock, random } = this;
    const log = silentLog;
    const kept = await openStore<BenchTables>(this.storage, { clock, random, log });
    const trail = new AuditTrail(tablesOf<AuditTables, BenchTables>(kept), { clock, log });
    const { refused } = new Refusals(trail, clock);
    this.#trail = trail;
    const store = this.wrap(new EmbeddedHubStore(audited(kept, trail)));
    this.#fleet = await DeviceController.open({ store, clock, random, log, refused });
    this.#unwatch = this.#fleet.watch((change) => this.changes.push(change));
    this.#hub = new CloudHub({
      fleet: this.#fleet,
      clock,
      random,
      ...{ log, refused },
      isNodeAllowed: (peer: Peer) => !this.revoked.has(peer.name),
    });
    const identity = { key: '', certificate: 'hub', authorities: [] };
    this.#hub.accept(this.network.listen({ identity }));
  }

  /** The power goes and comes back: what was not synced is gone, every connection too. */
  async crash(): Promise<void> {
    this.network.cut();
    this.network.mend();
    this.#fleet?.stop();
    this.#unwatch();
    this.#gate = undefined;
    this.changes = [];
    this.storage = this.storage.crash(this.random, { before: (action) => this.#before(action) });
    await this.open();
  }

  holdSyncs(): void {
    let release = (): void => undefined;
    const open = new Promise<void>((resolve) => (release = resolve));
    this.#gate = { open, release };
  }

  releaseSyncs(): void {
    this.#gate?.release();
    this.#gate = undefined;
  }

  /** Lets `ms` pass, a millisecond at a time, with everything that follows. */
  async run(ms = 60): Promise<void> {
    for (let step = 0; step < ms; step++) {
      this.clock.advance(1);
      await microtasks();
    }
  }

  /** Lets much time pass quickly. */
  async skip(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.clock.advance(250);
      await microtasks();
    }
  }

  async gateway(name = 'gw-1'): Promise<ScriptedGateway> {
    const identity = { key: '', certificate: name, authorities: [] };
    const dialled = this.network.transport().connect({ url: 'wss://hub:443', identity });
    await this.run(60);
    return new ScriptedGateway(await dialled);
  }

  /** A gateway that was let in, with one announced boiler. */
  async ready(name = 'gw-1', hello: Partial<Hello> = {}, device = 'default/boiler') {
    const gateway = await this.gateway(name);
    await gateway.open(this, hello);
    gateway.say({
      kind: 'announce',
      epoch: gateway.epoch,
      id: 1,
      rows: [announceRow(1, { device })],
    });
    await this.run();
    return gateway;
  }

  #before(action: string): Promise<void> | undefined {
    return (action as StorageAction) === 'sync' ? this.#gate?.open : undefined;
  }
}

/** A gateway that says what the test says, and keeps what it hears. */
export class ScriptedGateway {
  readonly heard: SyncMessage[] = [];
  closed: CloseReason | undefined;
  epoch = 0;
  /** Packed messages heard. */
  packed = 0;
  readonly #connection: Connection;
  readonly #codec = new SessionCodec();

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onMessage((bytes) => {
      const { message } = this.#codec.decode(bytes);
      if (bytes[1] === FLAG_COMPRESSED) this.packed++;
      if (message.kind === 'welcome') this.epoch = message.epoch;
      this.heard.push(message);
    });
    connection.onDrained(() => undefined);
    connection.onClose((reason) => (this.closed = reason));
  }

  say(message: SyncMessage): void {
    this.#connection.send(this.#codec.encode(message), 'control');
  }

  bytes(bytes: Uint8Array): void {
    this.#connection.send(bytes, 'control');
  }

  close(): void {
    this.#connection.close('normal');
  }

  /** HELLO, WELCOME, READY. */
  async open(bench: HubBench, hello: Partial<Hello> = {}): Promise<void> {
    this.say(helloOf(hello));
    await bench.run();
    this.say({ kind: 'ready', epoch: this.epoch });
    await bench.run();
  }

  all<K extends SyncMessage['kind']>(kind: K): Extract<SyncMessage, { kind: K }>[] {
    return this.heard.filter(
      (message): message is Extract<SyncMessage, { kind: K }> => message.kind === kind,
    );
  }
}

/** The journal and the loops only use microtasks: a few hundred turns are more than enough. */
async function microtasks(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}
