import type { Clock } from '#protocol/clock.js';
import type { Log, LogFields } from '#protocol/log.js';

/** The newest events of a life, for whoever has to find out what went wrong. */
export class Trace {
  readonly #clock: Clock;
  readonly #keep: number;
  #lines: string[] = [];

  constructor(clock: Clock, keep = 200) {
    this.#clock = clock;
    this.#keep = keep;
  }

  add(text: string): void {
    this.#lines.push(`${this.#clock.now().toFixed(0).padStart(9)} ${text}`);
    if (this.#lines.length > 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep);
  }

  lines(): readonly string[] {
    return this.#lines.slice(-this.#keep);
  }

  /** What the programs log, as events: for replays, since it costs time. */
  log(component = ''): Log {
    const add = (event: string, fields: LogFields = {}): void => {
      const text = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
      this.add(`  ${component} ${event} ${text.join(' ')}`);
    };
    return {
      debug: add,
      info: add,
      warn: add,
      error: add,
      child: (name) => this.log(component === '' ? name : component),
    };
  }
}

function shown(value: unknown): string {
  return value instanceof Error ? value.message : JSON.stringify(value);
}
