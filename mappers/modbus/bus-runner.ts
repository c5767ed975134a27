import type { Clock, Timer } from '#protocol/clock.js';
import type { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { MAPPER_LIMITS } from '../limits.js';
import type { Link, OpenLink } from '../link.js';
import { Alarm } from './alarm.js';
import type { Bus } from './bus.js';
import type { ModbusRequest } from './frame.js';
import type { BusEffect, BusJob, BusOutcome } from './job.js';
import type { Naps } from './naps.js';

export interface BusRunnerPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Shared by all lines of a process; without it silences are rounded up to whole milliseconds. */
  readonly naps?: Naps;
}

/** The shell around a bus: its link, its alarm, and reconnecting with full jitter. */
export class BusRunner {
  readonly #bus: Bus;
  readonly #open: OpenLink;
  readonly #ports: BusRunnerPorts;
  readonly #waiting = new Map<number, (outcome: BusOutcome) => void>();
  #link: Link | undefined;
  /** The link before: a port that is still open would refuse its own lock. */
  #released: Promise<void> = Promise.resolve();
  /** Events of a link that was given up must not reach the bus. */
  #generation = 0;
  readonly #alarm: Alarm;
  #reconnectTimer: Timer | undefined;
  #failures = 0;
  #nextId = 0;
  #reconnects = 0;
  #trouble: EdgeError | undefined;
  #ended = false;

  constructor(bus: Bus, open: OpenLink, ports: BusRunnerPorts) {
    this.#bus = bus;
    this.#open = open;
    this.#ports = ports;
    this.#alarm = new Alarm(ports.clock, 'modbus bus', (nowMs) => this.#tick(nowMs));
    this.#connect();
  }

  /** Never rejects: what goes wrong is an outcome. */
  request(request: ModbusRequest, how: Omit<BusJob, 'id' | 'request'>): Promise<BusOutcome> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      const nowMs = this.#ports.clock.now();
      this.#run(nowMs, this.#bus.submit(nowMs, { id, request, ...how }));
    });
  }

  /** Milliseconds that a unit takes to begin an answer, as measured. */
  turnaroundMs(unit: number): number | undefined {
    return this.#bus.turnaroundMs(unit);
  }

  /** What keeps the link from being open, for people. */
  get trouble(): string | undefined {
    if (this.#bus.link === 'open') return undefined;
    return this.#trouble?.message ?? 'the connection is being made';
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#bus.counters, reconnects: this.#reconnects };
  }

  /** Ends what is under way with EDGE_DEVICE_CLOSED and releases the port. Idempotent. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#reconnectTimer?.cancel();
    this.#generation += 1;
    const nowMs = this.#ports.clock.now();
    this.#run(nowMs, this.#bus.closed(nowMs, 'the mapper was stopped'));
    this.#alarm.cancel();
    await Promise.all([this.#released, this.#link?.close()]);
  }

  #connect(): void {
    const generation = ++this.#generation;
    const current = (): boolean => this.#generation === generation;
    const { clock } = this.#ports;
    this.#bus.opening(clock.now());
    this.#link = this.#open({
      opened: () => {
        if (!current()) return;
        this.#failures = 0;
        this.#trouble = undefined;
        this.#ports.log.info('bus-open');
        const nowMs = clock.now();
        this.#run(nowMs, this.#bus.opened(nowMs));
      },
      received: (bytes) => {
        if (!current()) return;
        const nowMs = clock.now();
        this.#run(nowMs, this.#bus.received(nowMs, bytes));
      },
      closed: (cause) => {
        if (current()) this.#lost(cause);
      },
    });
  }

  #lost(cause: EdgeError): void {
    if (this.#trouble === undefined) this.#ports.log.warn('bus-closed', { cause });
    this.#trouble = cause;
    this.#reconnectLater(cause.message);
  }

  #reconnectLater(why: string): void {
    this.#generation += 1;
    const lost = this.#link;
    this.#link = undefined;
    this.#released = lost?.close() ?? this.#released;
    const nowMs = this.#ports.clock.now();
    this.#run(nowMs, this.#bus.closed(nowMs, why));
    const boundMs = Math.min(
      MAPPER_LIMITS.reconnectMaxMs,
      MAPPER_LIMITS.reconnectFirstMs * 2 ** Math.min(this.#failures, 16),
    );
    this.#failures += 1;
    this.#reconnectTimer?.cancel();
    const delayMs = this.#ports.random.unit() * boundMs;
    this.#reconnectTimer = this.#ports.clock.setTimer('modbus reconnect', delayMs, () => {
      void this.#released.then(() => {
        if (this.#ended) return;
        this.#reconnects += 1;
        this.#connect();
      });
    });
  }

  /** `nowMs` may be less than a nap ahead: the bus is asked before it, and obeyed after it. */
  #tick(nowMs: number): void {
    const effects = this.#bus.tick(nowMs);
    this.#ports.naps?.until(nowMs);
    this.#run(nowMs, effects);
  }

  #run(nowMs: number, effects: readonly BusEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'send') this.#link?.send(effect.bytes);
      else if (effect.kind === 'reconnect') {
        this.#ports.log.warn('bus-reconnect', { why: effect.why });
        this.#reconnectLater(effect.why);
      } else {
        const resolve = this.#waiting.get(effect.id);
        this.#waiting.delete(effect.id);
        resolve?.(effect.outcome);
      }
    }
    const atMs = this.#bus.wakeAtMs(nowMs);
    this.#alarm.set(nowMs, atMs, atMs !== undefined && this.#mayNap(nowMs, atMs));
  }

  #mayNap(nowMs: number, atMs: number): boolean {
    const { naps } = this.#ports;
    return naps !== undefined && this.#bus.endsSilenceAt(atMs) && naps.allowed(nowMs);
  }
}
