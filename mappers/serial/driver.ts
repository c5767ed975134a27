import { sleep, type Clock, type Timer } from '#protocol/clock.js';
import type { Property } from '#protocol/device.js';
import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { Driver, PointResult } from '../driver.js';
import { Quarantine } from '../quarantine.js';
import { MAPPER_LIMITS } from '../limits.js';
import { resultOf } from '../present.js';
import { extract } from './extract.js';
import { Framer } from './framer.js';
import type { Line } from './line.js';
import type { SensorSettings } from './settings.js';

/** The newest that a frame said of a property. */
interface Heard {
  readonly result: PointResult;
  readonly atMs: number;
}

/**
 * One serial sensor. One that talks by itself is listened to, and a reading is the newest frame,
 * if it is not too old; one that is asked gets its request, and a reading is the answer to it. What
 * it says too late is thrown away: it is not asked again before that may have come.
 */
export class SensorDriver implements Driver {
  readonly #settings: SensorSettings;
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #properties: readonly Property[];
  readonly #framer: Framer;
  readonly #heard = new Map<string, Heard>();
  readonly #unlisten: () => void;
  readonly #quarantine = new Quarantine();
  readonly #missed = { timeouts: 0, lateReplies: 0 };
  #isClosed = false;
  /** Ends the pauses under way: there is nothing to be asked any more. */
  #pausing = new AbortController();
  #gap: Timer | undefined;
  #answered: (() => void) | undefined;
  #opened: (() => void) | undefined;

  constructor(settings: SensorSettings, properties: readonly Property[], line: Line, clock: Clock) {
    this.#settings = settings;
    this.#properties = properties;
    this.#line = line;
    this.#clock = clock;
    this.#framer = new Framer(settings.framing.match, settings.checksum);
    this.#unlisten = line.listen({
      opened: () => this.#opened?.(),
      received: (bytes) => this.#received(bytes),
      lost: () => this.#lost(),
    });
  }

  get counters(): Readonly<Record<string, number>> {
    return { ...this.#framer.counters, ...this.#missed };
  }

  trouble(): string | undefined {
    return this.#line.trouble;
  }

  async read(properties: readonly Property[]): Promise<readonly PointResult[]> {
    const { request, timeoutMs, staleAfterMs } = this.#settings;
    if (request === undefined) return this.#newest(properties, this.#clock.now() - staleAfterMs);
    for (;;) {
      await this.#calm();
      const answered = await this.#line.inTurn(() => this.#ask(properties, request, timeoutMs));
      if (answered !== undefined) return answered;
    }
  }

  async write({ name }: Property): Promise<WriteOutcome> {
    const message = `${name} belongs to a serial sensor, which is only read`;
    return { ok: false, code: 'EDGE_READ_ONLY', message, retry: false };
  }

  /** Nothing is heard or asked any more, and what is being waited for is not. */
  close(): void {
    this.#isClosed = true;
    this.#unlisten();
    this.#lost();
  }

  get #isAskable(): boolean {
    return this.#line.isOpen && !this.#isClosed;
  }

  /** Others have the line meanwhile. */
  async #calm(): Promise<void> {
    const leftMs = this.#quarantine.untilMs - this.#clock.now();
    if (leftMs > 0 && this.#isAskable)
      await sleep(this.#clock, 'sensor quarantine', leftMs, this.#pausing.signal);
  }

  /** Undefined when it may not be asked: a reading that went before had no answer. */
  async #ask(
    properties: readonly Property[],
    request: Uint8Array,
    timeoutMs: number,
  ): Promise<readonly PointResult[] | undefined> {
    if (this.#line.isOpening && !this.#isClosed) await this.#opening();
    const sinceMs = this.#clock.now();
    if (this.#isAskable && sinceMs < this.#quarantine.untilMs) return undefined;
    // Whatever comes from now on was sent after the request; what came before was not asked for.
    this.#framer.silence(false);
    this.#heard.clear();
    if (this.#isAskable) {
      const answer = this.#answer(properties, timeoutMs);
      this.#line.send(request);
      await answer;
    }
    return this.#newest(properties, sinceMs);
  }

  /** A reading that is due before the line is there would be lost for a whole cycle. */
  #opening(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#opened = undefined;
        timer.cancel();
        resolve();
      };
      const timer = this.#clock.setTimer('sensor line', MAPPER_LIMITS.openMs, end);
      this.#opened = end;
    });
  }

  /** Until each of these was in a frame, the line is lost or the time is over. */
  #answer(properties: readonly Property[], timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#answered = undefined;
        timer.cancel();
        resolve();
      };
      const timer = this.#clock.setTimer('sensor answer', timeoutMs, () => {
        this.#missed.timeouts += 1;
        this.#quarantine.begin(this.#clock.now(), timeoutMs);
        end();
      });
      this.#answered = () => {
        if (!this.#isAskable || properties.every(({ name }) => this.#heard.has(name))) end();
      };
    });
  }

  #received(bytes: Uint8Array): void {
    const { gapMs } = this.#settings.framing;
    for (const frame of this.#framer.push(bytes)) this.#take(frame);
    if (gapMs === undefined) return;
    this.#gap?.cancel();
    this.#gap = this.#clock.setTimer('sensor gap', gapMs, () => {
      for (const frame of this.#framer.silence(true)) this.#take(frame);
    });
  }

  #lost(): void {
    this.#gap?.cancel();
    this.#framer.silence(false);
    // A value of a sensor that nobody hears any more is not fresh, however young.
    this.#heard.clear();
    this.#opened?.();
    this.#answered?.();
    this.#pausing.abort();
    this.#pausing = new AbortController();
  }

  #take(frame: Uint8Array): void {
    const timestamp = this.#clock.wallTime();
    const atMs = this.#clock.now();
    const isLate = this.#answered === undefined && atMs < this.#quarantine.untilMs;
    for (const { name: property, type } of this.#properties) {
      const visitor = this.#settings.visitors.get(property);
      const value = visitor === undefined ? undefined : extract(visitor, type, frame);
      if (value === undefined) continue;
      if (isLate) {
        this.#missed.lateReplies += 1;
        this.#quarantine.repliedLate(atMs);
        return;
      }
      const result = resultOf(property, value, timestamp);
      this.#heard.set(property, { result, atMs });
    }
    this.#answered?.();
  }

  #newest(properties: readonly Property[], sinceMs: number): PointResult[] {
    const silence = this.#silence();
    return properties.map(({ name }) => {
      const heard = this.#heard.get(name);
      return heard !== undefined && heard.atMs >= sinceMs
        ? heard.result
        : { ...silence, property: name };
    });
  }

  #silence(): Omit<PointResult, 'property'> {
    const timestamp = this.#clock.wallTime();
    const { trouble } = this.#line;
    const [reason, detail] =
      trouble === undefined
        ? ['EDGE_DEVICE_TIMEOUT', `nothing of it was heard: ${this.#counted()}`]
        : ['EDGE_DEVICE_CLOSED', trouble];
    return { value: null, quality: 'bad', reason, detail, timestamp };
  }

  /** Noise without frames mostly means a wrong baud rate, false frames a wrong checksum. */
  #counted(): string {
    const { frames, falseFrames, noiseBytes } = this.#framer.counters;
    const { lateReplies } = this.#missed;
    const late = lateReplies === 0 ? '' : `, ${lateReplies} answers too late`;
    return `${frames} frames so far, ${falseFrames} false ones, ${noiseBytes} bytes of noise${late}`;
  }
}
