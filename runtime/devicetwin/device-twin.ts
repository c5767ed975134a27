import type { Timer } from '#protocol/clock.js';
import type { Device, DeviceId, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { ErrorCode } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { ReportBatch } from '#protocol/mapper-port.js';
import type { DeviceDigest } from '#protocol/sync-message.js';
import type { Version } from '#protocol/twin.js';
import { checkValue } from '#protocol/value-check.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { propertyKey } from '../metamanager/tables.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import { adoptableOf } from './adoptable.js';
import type { Adoptable } from './adoptable.js';
import { checkedReadings, knownProperty } from './check-readings.js';
import type { ReportClock } from './check-readings.js';
import { CommitOrder } from './commit-order.js';
import { deviceDigest } from './device-digest.js';
import { reduce } from './reducer.js';
import { Roster } from './roster.js';
import type { LocalWrite, TwinAccess, TwinChange, TwinView } from './twin-access.js';
import { changesOf } from './twin-changes.js';
import type {
  HubEvent,
  Transition,
  TwinEvent,
  Uplink,
  WriteEnded,
  WriteTarget,
} from './twin-event.js';
import type { PreparedSamples, SampleKeeper } from './sample-keeper.js';
import { propertyView } from './twin-view.js';
import { wholeUplink, writeTarget } from './twin-rows.js';

export interface DeviceTwinOptions {
  readonly meta: MetaStore;
  readonly devices: readonly Device[];
  readonly clock: ReportClock;
  readonly log: Log;
  /** Keeps samples of what is reported; none are kept without it. */
  readonly history?: SampleKeeper | undefined;
}

/** Rows that have become durable. `whole`: they are all that the hub lacks, not just news. */
export type DurableListener = (uplink: Uplink, whole: boolean) => void;

/** What a commit causes once it is durable. */
interface Cause {
  readonly eventId?: string | undefined;
  readonly source: 'hub' | 'local';
  /** Tell of everything that the hub lacks instead of this event's rows. */
  readonly whole?: boolean;
}

/**
 * The DeviceTwins: reducer and MetaStore behind TwinAccess. Memory changes at once and in call
 * order; promises, changes and rows for the hub follow in that order when they are durable. While
 * the storage refuses durability, reports reject with EDGE_STORAGE, and memory and local listeners
 * are still served (promise P11); rows for the hub wait until the storage is well.
 */
export class DeviceTwin implements TwinAccess {
  #meta: MetaStore;
  #clock: ReportClock;
  #log: Log;
  #history: SampleKeeper | undefined;
  /** Of the files; those of them that the hub created under the same id are refused. */
  #own: readonly Device[] = [];
  #roster = new Roster();
  #listeners = new Set<(change: TwinChange) => void>();
  #durableListeners = new Set<DurableListener>();
  #heardAtMs = new Map<string, number>();
  #order = new CommitOrder();
  #recovery: Timer | undefined;
  #recovering = false;
  #waiters: (() => void)[] = [];
  #counters = { reports: 0, readings: 0, refused: 0, droppedLocals: 0, listenerErrors: 0 };

  constructor({ meta, devices, clock, log, history }: DeviceTwinOptions) {
    this.#meta = meta;
    this.#history = history;
    this.#clock = clock;
    this.#log = log.child('devicetwin');
    void this.reload(devices);
  }

  devices(): readonly TwinView[] {
    return [...this.#roster.devices.keys()].flatMap((id) => this.device(id) ?? []);
  }

  device(id: DeviceId): TwinView | undefined {
    const entry = this.#roster.devices.get(id);
    const incarnation = this.#meta.get('devices', id)?.incarnation;
    if (entry === undefined || incarnation === undefined) return undefined;
    const { device } = entry;
    const properties = device.properties.map((property) => this.#view(device, property));
    return { device, incarnation, properties };
  }

  async report(batch: ReportBatch, eventId?: string): Promise<void> {
    const { properties } = this.#known(batch.device);
    const readings = checkedReadings(batch, properties, this.#clock);
    const { length } = readings;
    if (length === 0) return;
    this.#counters.reports++;
    this.#counters.readings += length;
    const now = this.#clock.now();
    for (const { property } of readings)
      this.#heardAtMs.set(propertyKey(batch.device, property), now);
    const event: TwinEvent = { kind: 'readings', device: batch.device, readings };
    const life = this.#meta.get('devices', batch.device)?.incarnation.n ?? 0;
    const sampled = this.#history?.prepare({ device: batch.device, life, properties, readings });
    await this.#commit(event, { source: 'local', eventId }, sampled).durable;
  }

  async writeLocal(write: LocalWrite, eventId?: string): Promise<{ readonly lid: Version }> {
    const { device, actor } = write;
    const property = knownProperty(this.#known(device).properties, device, write.property);
    if (property.access !== 'ReadWrite')
      throw new EdgeError('EDGE_READ_ONLY', `${device}: ${property.name} cannot be written`, {
        hint: 'Set accessMode: ReadWrite in the device model if the device allows it.',
      });
    const value = checkValue(property, write.value);
    const { transition, durable } = this.#commit(
      { kind: 'local-write', device, property: property.name, value, actor },
      { source: 'local', eventId },
    );
    await durable;
    const { lid } = transition;
    if (lid !== undefined) return { lid };
    throw new EdgeError('EDGE_INTERNAL', 'a local write has got no number');
  }

  subscribe(listener: (change: TwinChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The devices of the configuration, all of them. Resolves when durable; never rejects. */
  reload(devices: readonly Device[]): Promise<void> {
    this.#own = devices;
    return this.#eventually({ kind: 'devices', devices }, { source: 'local', whole: true });
  }

  /** What the hub causes. Resolves when durable, however long the storage refuses; never rejects. */
  apply(event: HubEvent): Promise<void> {
    const whole = event.kind === 'welcome' || event.kind === 'hub-devices';
    const durable = this.#eventually(event, { source: 'hub', whole });
    // What the hub gave up may be the device of a file from now on.
    const isFree = ({ id }: Device): boolean => this.#meta.get('devices', id) === undefined;
    if (event.kind === 'hub-devices' && this.#own.some(isFree)) void this.reload(this.#own);
    return durable;
  }

  /** Devices that do not run here, with the code of the reason. */
  refused(): ReadonlyMap<DeviceId, ErrorCode> {
    return this.#roster.refused;
  }

  /** Acknowledgements of the hub: their loss costs a repetition, so they do not cost a sync. */
  applySoon(event: HubEvent & { kind: 'acknowledged' | 'confirmed' }): void {
    this.#meta.commitSoon(reduce(this.#meta, this.#meta.boot, event).puts);
  }

  /** Journals the end of a write. Resolves when durable; never rejects. */
  writeEnded({ failure, ...ended }: WriteEnded): Promise<void> {
    const taken = failure && this.#clock.dating?.(failure.timestamp);
    const told = failure && { failure: taken === undefined ? failure : { ...failure, taken } };
    return this.#eventually({ ...ended, ...told }, { source: 'local' });
  }

  /** What the device should hold of this property and does not. */
  writeTarget(device: DeviceId, name: string): WriteTarget | undefined {
    const entry = this.#roster.devices.get(device);
    const property = entry?.properties.get(name);
    if (entry === undefined || property?.access !== 'ReadWrite') return undefined;
    return writeTarget(this.#meta, entry.device, property);
  }

  /** The listener gets everything that the hub lacks, then what becomes durable, in order. */
  onDurable(listener: DurableListener): () => void {
    this.#durableListeners.add(listener);
    const whole = wholeUplink(this.#meta);
    void this.#eventuallyDurable(this.#meta.commit([]), () => listener(whole, true));
    return () => void this.#durableListeners.delete(listener);
  }

  /** Digests of all devices that may be compared, once the present state is durable. */
  async digests(): Promise<DigestSnapshot> {
    const { maxDesired } = this.#meta.identity();
    const digests = [...this.#roster.devices.keys()].flatMap(
      (id) => deviceDigest(this.#meta, id) ?? [],
    );
    await this.#eventuallyDurable(this.#meta.commit([]), () => undefined);
    return { maxDesired, digests };
  }

  /** What this gateway holds of the hub's side, once it is durable: for a hub that forgot it. */
  async adoption(): Promise<Adoptable> {
    const adoptable = adoptableOf(this.#meta);
    await this.#eventuallyDurable(this.#meta.commit([]), () => undefined);
    return adoptable;
  }

  /** Reports and readings taken, commits that the storage refused, local writes dropped. */
  counters(): Readonly<Record<string, number>> {
    return { ...this.#counters, waiting: this.#order.waiting };
  }

  /** No more tries to recover the storage. */
  stop(): void {
    this.#recovery?.cancel();
    this.#listeners.clear();
    this.#durableListeners.clear();
  }

  #commit(
    event: TwinEvent,
    cause: Cause,
    sampled?: PreparedSamples,
  ): { transition: Transition; durable: Promise<void> } {
    if (this.#order.waiting >= GATEWAY_LIMITS.pendingCommits)
      throw new EdgeError('EDGE_LIMIT', 'too many reports wait for the storage', {
        hint: 'Report less often, or wait for each report to be durable.',
        remote: false,
      });
    const transition = reduce(this.#meta, this.#meta.boot, event);
    const commit = this.#meta.commit([...transition.puts, ...(sampled?.puts ?? [])]);
    sampled?.committed(commit);
    // Someone waits for what a person or the hub asked for; readings may share a sync.
    if (event.kind !== 'readings') this.#meta.hurry();
    const { uplink, whole } = this.#result(transition, cause);
    const changes = this.#changes(transition, cause);
    let refusal: unknown;
    const ordered = this.#order.after(
      commit,
      () => {
        this.#publish(changes);
        this.#emit(uplink, whole);
      },
      (error) => {
        refusal = error;
        this.#publish(changes);
        this.#refused(error);
      },
    );
    const durable = ordered.then(() => {
      if (refusal !== undefined) throw EdgeError.from(refusal, 'EDGE_STORAGE');
    });
    return { transition, durable };
  }

  /** Like a commit, for what must not be given up: it waits until the storage is well again. */
  #eventually(event: TwinEvent, cause: Cause): Promise<void> {
    const transition = reduce(this.#meta, this.#meta.boot, event);
    const commit = this.#meta.commitParts(transition.puts);
    this.#meta.hurry();
    if (event.kind === 'devices' || event.kind === 'hub-devices') this.#enlist();
    const { uplink, whole } = this.#result(transition, cause);
    const changes = this.#changes(transition, cause);
    return this.#eventuallyDurable(
      commit,
      () => this.#emit(uplink, whole),
      () => this.#publish(changes),
    );
  }

  #eventuallyDurable(
    commit: Promise<void>,
    durable: () => void,
    either: () => void = () => undefined,
  ): Promise<void> {
    return new Promise((resolve) => {
      void this.#order.after(
        commit,
        () => {
          either();
          durable();
          resolve();
        },
        (error) => {
          either();
          this.#waiters.push(resolve);
          this.#refused(error);
        },
      );
    });
  }

  /** Who is there now. */
  #enlist(): void {
    const before = this.#roster;
    this.#roster = Roster.of(this.#meta, this.#own);
    for (const id of before.devices.keys()) if (!this.#roster.devices.has(id)) this.#forget(id);
    for (const [id, code] of this.#roster.refused)
      if (before.refused.get(id) !== code) this.#log.warn('device-refused', { device: id, code });
  }

  #result(transition: Transition, cause: Cause): { uplink: Uplink; whole: boolean } {
    this.#counters.droppedLocals += transition.droppedLocals;
    if (cause.whole !== true) return { uplink: transition.uplink, whole: false };
    return { uplink: wholeUplink(this.#meta), whole: true };
  }

  /** Nothing of the refused commit is lost: it is told of when a later try is durable. */
  #refused(error: unknown): void {
    this.#counters.refused++;
    if (this.#recovering) return;
    this.#recovering = true;
    this.#log.error('durability-refused', { error });
    this.#recoverLater();
  }

  #recoverLater(): void {
    this.#recovery = this.#clock.setTimer('storage-retry', GATEWAY_LIMITS.storageRetryMs, () => {
      const whole = wholeUplink(this.#meta);
      void this.#order.after(
        this.#meta.commit([]),
        () => {
          this.#recovering = false;
          this.#log.info('durability-restored');
          this.#emit(whole, true);
          // All of them committed before this try, so it holds what they wait for.
          for (const resolve of this.#waiters.splice(0)) resolve();
        },
        () => this.#recoverLater(),
      );
    });
  }

  #changes(transition: Transition, cause: Cause): TwinChange[] {
    return changesOf(transition, {
      device: (id) => this.#roster.devices.get(id)?.device,
      view: (id, name) => {
        const entry = this.#roster.devices.get(id);
        const property = entry?.properties.get(name);
        return entry && property && this.#view(entry.device, property);
      },
      ...cause,
    });
  }

  #publish(changes: readonly TwinChange[]): void {
    for (const change of changes)
      for (const listener of this.#listeners) this.#guard(() => listener(change));
  }

  #emit(uplink: Uplink, whole: boolean): void {
    for (const listener of this.#durableListeners) this.#guard(() => listener(uplink, whole));
  }

  #guard(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#counters.listenerErrors++;
      this.#log.error('listener-threw', { error });
    }
  }

  #view(device: Device, property: Property): ReturnType<typeof propertyView> {
    const heardAtMs = this.#heardAtMs.get(propertyKey(device.id, property.name));
    const ageMs = heardAtMs === undefined ? undefined : this.#clock.now() - heardAtMs;
    return propertyView(this.#meta, device, property, ageMs);
  }

  #known(id: DeviceId): { device: Device; properties: ReadonlyMap<string, Property> } {
    const entry = this.#roster.devices.get(id);
    if (entry !== undefined) return entry;
    throw new EdgeError('EDGE_NO_DEVICE', `no device ${id} is configured here`, {
      hint: 'See the devices with `edgetwin devices`; ids are namespace/name.',
    });
  }

  #forget(id: DeviceId): void {
    for (const key of [...this.#heardAtMs.keys()])
      if (key.startsWith(`${id}/`)) this.#heardAtMs.delete(key);
  }
}

export interface DigestSnapshot {
  readonly maxDesired: number;
  readonly digests: readonly DeviceDigest[];
}
