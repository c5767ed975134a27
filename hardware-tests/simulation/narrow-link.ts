import type { Clock } from '#protocol/clock.js';
import type { Flight } from '#tunnel/memory-connection.js';
import type { Weather, Way } from './weather.js';

/** Bytes that IP, UDP or TCP and TLS put around a message, roughly. */
const HEADER_BYTES = 80;

/** A link that takes so many bytes a second each way: messages leave one after the other. */
export class NarrowLink {
  /** Bytes that have left, headers included. */
  readonly bytes: Record<Way, number> = { up: 0, down: 0 };
  readonly #clock: Clock;
  readonly #weather: Weather;
  readonly #bytesPerSecond: number;
  readonly #freeAtMs: Record<Way, number> = { up: 0, down: 0 };

  constructor(clock: Clock, weather: Weather, bytesPerSecond: number) {
    this.#clock = clock;
    this.#weather = weather;
    this.#bytesPerSecond = bytesPerSecond;
    weather.inspect = (flight) => this.#take(flight);
  }

  #take(flight: Flight): boolean {
    const { way, bytes } = flight;
    const size = HEADER_BYTES + (bytes?.length ?? 0);
    const now = this.#clock.now();
    const leftAtMs = Math.max(now, this.#freeAtMs[way]) + (size / this.#bytesPerSecond) * 1000;
    this.#freeAtMs[way] = leftAtMs;
    this.bytes[way] += size;
    this.#clock.setTimer('wire', leftAtMs - now, () => this.#weather.carry(flight));
    return false;
  }
}
