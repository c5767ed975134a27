import type { Log } from './log.js';

/**
 * What was started, to be stopped in reverse order, also when a later start fails. One part that
 * fails to stop does not keep the others running.
 */
export class Teardown {
  readonly #log: Log;
  readonly #steps: { name: string; stop: () => Promise<void> | void }[] = [];
  #stopped: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  add(name: string, stop: () => Promise<void> | void): void {
    this.#steps.push({ name, stop });
  }

  /** Idempotent; never rejects. */
  run(): Promise<void> {
    this.#stopped ??= this.#run();
    return this.#stopped;
  }

  async #run(): Promise<void> {
    for (const { name, stop } of this.#steps.reverse()) {
      try {
        await stop();
      } catch (error) {
        this.#log.error('stop-failed', { part: name, error });
      }
    }
  }
}
