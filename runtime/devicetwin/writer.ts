import type { Clock, Timer } from '#protocol/clock.js';
import type { Device, DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Mapper, WriteOutcome } from '#protocol/mapper-port.js';
import { formatVersion, sameVersion } from '#protocol/twin.js';
import type { Random } from '#protocol/random.js';
import { checkValue } from '#protocol/value-check.js';
import type { WriteLanes } from '#protocol/write-lanes.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { propertyKey, splitKey } from '../metamanager/tables.js';
import type { DeviceTwin } from './device-twin.js';
import type { WriteTarget } from './twin-event.js';

export interface WriterOptions {
  readonly twins: DeviceTwin;
  /** The mapper that serves the device as it is now, when one does in this process. */
  readonly mapper: (device: Device) => Pick<Mapper, 'write'> | undefined;
  /** Keeps desired writes and commands of one property apart. */
  readonly lanes: WriteLanes;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** One property that is being written or will be tried again. */
interface Attempt {
  /** Undefined while a write is under way. */
  retry?: Timer;
  failures: number;
  /** The target and code of the last failure that was reported. */
  told?: string;
}

/**
 * Makes devices hold what is desired: one write in flight per property, journaled after it has
 * ended; a device that is away is tried again, whatever the process did before (docs/sync-protocol.md
 * section 4.4). Devices of a protocol without a mapper here are left to EventBus.
 */
export class Writer {
  #options: WriterOptions;
  #log: Log;
  #attempts = new Map<string, Attempt>();
  #writing = new Set<Promise<void>>();
  #unsubscribe: (() => void) | undefined;
  #counters = { writes: 0, failed: 0, retries: 0 };

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#log = options.log.child('writer');
  }

  /** Writes what an earlier process did not finish, then follows the changes. */
  start(): void {
    this.#unsubscribe ??= this.#options.twins.subscribe((change) => {
      if (change.kind === 'desired')
        for (const { view } of change.changes) this.check(change.device, view.property.name);
      if (change.kind === 'reported')
        for (const { before, view } of change.changes)
          if (before?.quality === 'bad' && view.reported?.quality === 'good')
            this.#backAgain(change.device, view.property.name);
      if (change.kind === 'membership') for (const { id } of change.added) this.checkDevice(id);
    });
    this.#options.lanes.onFree((keys) => {
      for (const key of keys) {
        const { device, property } = splitKey(key);
        this.check(device, property);
      }
    });
    for (const { device } of this.#options.twins.devices()) this.checkDevice(device.id);
  }

  /** Call it when a mapper has started: until then its devices had none. */
  checkDevice(id: DeviceId): void {
    const view = this.#options.twins.device(id);
    for (const { property } of view?.properties ?? []) this.check(id, property.name);
  }

  check(device: DeviceId, property: string): void {
    const key = propertyKey(device, property);
    const attempt = this.#attempts.get(key);
    if (attempt !== undefined && attempt.retry === undefined) return;
    attempt?.retry?.cancel();
    if (this.#unsubscribe === undefined) return;
    // Mostly there is nothing to write: a view of the whole device would be made for nothing.
    const target = this.#options.twins.writeTarget(device, property);
    const view = target && this.#options.twins.device(device);
    const mapper = view && this.#options.mapper(view.device);
    if (mapper === undefined || target === undefined) {
      this.#attempts.delete(key);
      return;
    }
    // A command writes it: `onFree` comes back here.
    if (!this.#options.lanes.tryTake(key)) {
      this.#attempts.delete(key);
      return;
    }
    const { failures = 0, told } = attempt ?? {};
    this.#attempts.set(key, { failures, ...(told === undefined ? {} : { told }) });
    const writing = this.#write(mapper, device, property, target);
    this.#writing.add(writing);
    void writing.finally(() => this.#writing.delete(writing));
  }

  /** Resolves when every write that is under way now has ended and is taken down. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** Writes and failures since the process started, and how many are under way or waiting. */
  counters(): Readonly<Record<string, number>> {
    return { ...this.#counters, open: this.#attempts.size };
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    for (const attempt of this.#attempts.values()) attempt.retry?.cancel();
  }

  async #write(
    mapper: Pick<Mapper, 'write'>,
    device: DeviceId,
    property: string,
    target: WriteTarget,
  ): Promise<void> {
    const { twins, clock, lanes } = this.#options;
    const key = propertyKey(device, property);
    const view = twins.device(device);
    if (view === undefined) {
      this.#attempts.delete(key);
      lanes.free([key]);
      return;
    }
    const { incarnation } = view;
    this.#counters.writes++;
    const outcome = await this.#outcome(mapper, device, property, target);
    lanes.free([key]);
    const attempt = this.#attempts.get(key) ?? { failures: 0 };
    const ended = { kind: 'write-ended', device, incarnation, property, target } as const;
    if (outcome.ok) {
      this.#attempts.delete(key);
      void twins.writeEnded(ended);
    } else {
      this.#counters.failed++;
      const { code, message, retry } = outcome;
      const version = formatVersion(target.lid ?? target.version);
      const told = `${version} ${code} ${retry}`;
      const news = attempt.told !== told;
      if (news) this.#log.warn('write-failed', { device, property, version, code, message, retry });
      const failure = { code, final: !retry, timestamp: clock.wallTime() };
      if (news || !retry) void twins.writeEnded({ ...ended, failure });
      if (retry && this.#unsubscribe !== undefined) {
        this.#retryLater(device, property, attempt.failures, told);
        const next = twins.writeTarget(device, property);
        if (next === undefined || isSame(next, target)) return;
      } else {
        this.#attempts.delete(key);
      }
    }
    this.check(device, property);
  }

  /** A device that answers again is written to without waiting for the rest of the backoff. */
  #backAgain(device: DeviceId, property: string): void {
    const attempt = this.#attempts.get(propertyKey(device, property));
    if (attempt?.retry !== undefined) this.check(device, property);
  }

  #retryLater(device: DeviceId, property: string, failures: number, told: string): void {
    const { clock, random } = this.#options;
    const { writeRetryFirstMs, writeRetryMaxMs } = GATEWAY_LIMITS;
    const ceilingMs = Math.min(writeRetryMaxMs, writeRetryFirstMs * 2 ** failures);
    this.#counters.retries++;
    const retry = clock.setTimer('write-retry', ceilingMs * (0.5 + random.unit() / 2), () => {
      this.check(device, property);
    });
    const key = propertyKey(device, property);
    this.#attempts.set(key, { retry, failures: failures + 1, told });
  }

  /** Whatever the mapper does, this is an outcome. */
  async #outcome(
    mapper: Pick<Mapper, 'write'>,
    device: DeviceId,
    name: string,
    target: WriteTarget,
  ): Promise<WriteOutcome> {
    const view = this.#options.twins.device(device);
    const property = view?.properties.find((entry) => entry.property.name === name)?.property;
    try {
      if (property === undefined) throw new EdgeError('EDGE_NO_PROPERTY', `no ${name}`);
      checkValue(property, target.value);
    } catch (error) {
      const { code, message } = EdgeError.from(error);
      return { ok: false, code, message, retry: false };
    }
    try {
      const { value, version } = target;
      return await mapper.write({ device, property: name, value, version });
    } catch (error) {
      const { code, message } = EdgeError.from(error);
      return { ok: false, code, message: `the mapper threw: ${message}`, retry: true };
    }
  }
}

function isSame(a: WriteTarget, b: WriteTarget): boolean {
  if (a.lid !== undefined || b.lid !== undefined)
    return a.lid !== undefined && b.lid !== undefined && sameVersion(a.lid, b.lid);
  return sameVersion(a.version, b.version) && a.fromDocument === b.fromDocument;
}
