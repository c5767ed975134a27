import type { Device, Property } from '#protocol/device.js';
import { sleep } from '#protocol/clock.js';
import { EdgeError, type ErrorCode } from '#protocol/errors.js';
import type {
  DeviceStatus,
  MapperHost,
  WriteOutcome,
  WriteRequest,
} from '#protocol/mapper-port.js';
import { NO_VERSION, type Value, type Version } from '#protocol/twin.js';
import { checkValue } from '#protocol/value-check.js';
import type { Driver, PointResult } from './driver.js';
import { MAPPER_LIMITS } from './limits.js';
import { PollSchedule } from './poll-schedule.js';
import { ReportQueue } from './report-queue.js';

/** Reasons that say nothing of the value: the device was not heard. */
const UNHEARD: readonly string[] = [
  'EDGE_DEVICE_TIMEOUT',
  'EDGE_DEVICE_CLOSED',
  'EDGE_DEVICE_FRAME',
] satisfies ErrorCode[];

interface Outcome {
  readonly results: readonly PointResult[];
  readonly labels: ReadonlyMap<string, Label>;
}

/** What a reading may claim: `ended` counts writes, because two may carry one version. */
interface Label {
  readonly version: Version;
  readonly ended: number;
}

/** The slot of each property of a poll, monotonic milliseconds. */
type Slots = ReadonlyMap<Property, number>;

const NO_LABEL: Label = { version: NO_VERSION, ended: 0 };

/** Polls, writes and reports one device. */
export class DevicePoller {
  readonly counters = {
    polls: 0,
    skippedPolls: 0,
    overtakenReadings: 0,
    writes: 0,
    writesFailed: 0,
  };
  readonly #device: Device;
  readonly #driver: Driver;
  readonly #host: MapperHost;
  readonly #applied: Map<string, Label>;
  readonly #schedule: PollSchedule;
  readonly #reports: ReportQueue;
  readonly #stop = new AbortController();
  #poll: { readonly slots: Slots; readonly ended: Promise<void> } | undefined;
  /** Due while others were being read: read next, because their own next slot may be far. */
  #next = new Map<Property, number>();
  #writes: Promise<unknown> = Promise.resolve();
  #writesWaiting = 0;
  #state: DeviceStatus['state'] = 'unknown';
  readonly #details = new Map<string, string>();

  constructor(
    device: Device,
    applied: ReadonlyMap<string, Version>,
    driver: Driver,
    host: MapperHost,
  ) {
    this.#device = device;
    this.#driver = driver;
    this.#host = host;
    this.#applied = new Map([...applied].map(([name, version]) => [name, { version, ended: 0 }]));
    const polled = device.properties.filter((property) => property.visitor !== undefined);
    this.#reports = new ReportQueue(device.id, host);
    this.#schedule = new PollSchedule(polled, host.clock, (due, slotMs, missed) =>
      this.#onDue(due, slotMs, missed),
    );
  }

  start(): void {
    this.#schedule.start();
  }

  status(): DeviceStatus {
    const detail = this.#driver.trouble?.() ?? this.#details.values().next().value;
    return {
      device: this.#device.id,
      state: this.#state,
      ...(detail === undefined ? {} : { detail }),
    };
  }

  /** No reading is reported after this call; resolves when what was under way has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#schedule.stop();
    this.#reports.stop();
    const ended = new AbortController();
    const underWay = Promise.all([this.#poll?.ended, this.#writes]).then(() => ended.abort());
    const patience = sleep(this.#host.clock, 'mapper stop', MAPPER_LIMITS.stopMs, ended.signal);
    await Promise.race([underWay, patience]);
  }

  async write(request: WriteRequest): Promise<WriteOutcome> {
    const { signal } = this.#stop;
    const property = this.#device.properties.find(({ name }) => name === request.property);
    if (property?.visitor === undefined)
      return refused('EDGE_NO_PROPERTY', `no visitor says where ${request.property} is`, false);
    if (signal.aborted) return refused('EDGE_DEVICE_CLOSED', 'the mapper was stopped', true);
    if (this.#writesWaiting >= MAPPER_LIMITS.writesPerDevice)
      return refused('EDGE_LIMIT', 'too many writes wait at this device', true);
    this.#writesWaiting += 1;
    const turn = this.#writes.then(() => this.#write(property, request));
    this.#writes = turn.then(async (outcome) => {
      this.#writesWaiting -= 1;
      if (hasEnded(request, outcome)) await this.#readBack(property);
    });
    return turn;
  }

  async #write(property: Property, request: WriteRequest): Promise<WriteOutcome> {
    const { version } = request;
    this.counters.writes += 1;
    const outcome = await this.#tryWrite(property, request);
    // A write that will be tried again has not ended: readings keep the older label until it has.
    if (hasEnded(request, outcome)) {
      const { ended } = this.#label(property.name);
      this.#applied.set(property.name, { version, ended: ended + 1 });
    }
    if (!outcome.ok) this.counters.writesFailed += 1;
    return outcome;
  }

  async #tryWrite(property: Property, { value, command }: WriteRequest): Promise<WriteOutcome> {
    if (this.#stop.signal.aborted)
      return refused('EDGE_DEVICE_CLOSED', 'the mapper was stopped', true);
    if (property.access === 'ReadOnly' && command === undefined)
      return refused('EDGE_READ_ONLY', `${property.name} is ReadOnly`, false);
    if (command !== undefined && this.#host.clock.now() > command.notAfterMs)
      return refused('EDGE_EXPIRED', 'its time was over while other writes went before', false);
    let checked: Value;
    try {
      checked = checkValue(property, value);
    } catch (thrown) {
      const { code, message } = EdgeError.from(thrown);
      return refused(code, message, false);
    }
    try {
      return await this.#driver.write(property, checked, command?.notAfterMs);
    } catch (thrown) {
      const { code, message } = EdgeError.from(thrown);
      return { ok: false, code, message, retry: false, effect: 'unknown' };
    }
  }

  async #readBack(property: Property): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const outcome = await this.#read([property], true);
    this.#take(outcome, new Map([[property, undefined]]));
  }

  /** No two polls overlap: what is still being read, or waits for it, is skipped and counted. */
  #onDue(due: readonly Property[], slotMs: number, missed: number): void {
    this.counters.skippedPolls += missed;
    const slots = new Map(due.map((property) => [property, slotMs]));
    if (this.#poll === undefined) {
      this.#startPoll(slots);
      return;
    }
    const { slots: underWay } = this.#poll;
    const late = due.filter((property) => underWay.has(property) || this.#next.has(property));
    if (late.length > 0) this.counters.skippedPolls += 1;
    for (const property of due) if (!late.includes(property)) this.#next.set(property, slotMs);
  }

  #startPoll(slots: Slots): void {
    this.counters.polls += 1;
    const ended = this.#read([...slots.keys()], false).then((outcome) => {
      this.#poll = undefined;
      this.#take(outcome, slots);
      const next = this.#next;
      this.#next = new Map();
      if (next.size > 0 && !this.#stop.signal.aborted) this.#startPoll(next);
    });
    this.#poll = { slots, ended };
  }

  /** Labels are taken here, before the driver is asked: a write that ends later is not in them. */
  async #read(properties: readonly Property[], urgent: boolean): Promise<Outcome> {
    const labels = new Map(properties.map(({ name }) => [name, this.#label(name)]));
    try {
      return { labels, results: await this.#driver.read(properties, urgent) };
    } catch (thrown) {
      const { code: reason, message: detail } = EdgeError.from(thrown);
      this.#host.log.error('read-failed', { device: this.#device.id, cause: thrown });
      const failed = { value: null, quality: 'bad', reason, detail } as const;
      const timestamp = this.#host.clock.wallTime();
      const results = properties.map(({ name }) => ({ property: name, ...failed, timestamp }));
      return { labels, results };
    }
  }

  /** No slot: a read-back, which is reported whatever the cycle says. */
  #take({ results, labels }: Outcome, slots: ReadonlyMap<Property, number | undefined>): void {
    if (this.#stop.signal.aborted) return;
    const heard = results.some(({ reason }) => reason === undefined || !UNHEARD.includes(reason));
    this.#setState(heard ? 'online' : 'offline');
    for (const [property, slotMs] of slots) {
      const result = results.find((candidate) => candidate.property === property.name);
      const checked = inRange(property, result ?? this.#unread(property));
      const label = labels.get(property.name) ?? NO_LABEL;
      if (checked.detail === undefined) this.#details.delete(property.name);
      else this.#details.set(property.name, `${property.name}: ${checked.detail}`);
      if (this.#label(property.name).ended !== label.ended) {
        // A write ended meanwhile; its read-back is newer, and going back would look like a fault.
        this.counters.overtakenReadings += 1;
        continue;
      }
      const { value, quality, reason, timestamp } = checked;
      this.#reports.offer(
        property,
        {
          property: property.name,
          value,
          quality,
          ...(reason === undefined ? {} : { reason }),
          timestamp,
          appliedVersion: label.version,
        },
        slotMs,
      );
    }
    this.#reports.flush();
  }

  #unread({ name: property }: Property): PointResult {
    const timestamp = this.#host.clock.wallTime();
    const detail = 'the driver gave no result';
    return { property, value: null, quality: 'bad', reason: 'EDGE_INTERNAL', detail, timestamp };
  }

  #label(property: string): Label {
    return this.#applied.get(property) ?? NO_LABEL;
  }

  #setState(state: DeviceStatus['state']): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#host.log.info('device-state', { device: this.#device.id, state });
  }
}

/** An ended write is not tried again by anyone; what the device now holds is for a reading to say. */
function hasEnded({ command }: WriteRequest, outcome: WriteOutcome): boolean {
  return outcome.ok || !outcome.retry || command !== undefined;
}

/** Never a silent number: a value that the property cannot have comes as bad, without the number. */
function inRange(property: Property, result: PointResult): PointResult {
  if (result.quality === 'bad') return result;
  try {
    return { ...result, value: checkValue(property, result.value) };
  } catch (thrown) {
    const { code, message } = EdgeError.from(thrown);
    const reason = code === 'EDGE_RANGE' ? 'EDGE_OUT_OF_RANGE' : code;
    return { ...result, value: null, quality: 'bad', reason, detail: message };
  }
}

/** Nothing was sent to the device. */
function refused(code: ErrorCode, message: string, retry: boolean): WriteOutcome {
  return { ok: false, code, message, retry, effect: 'none' };
}
