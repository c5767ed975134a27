import { RECOVERY } from './constants.js';

/** How soon what arrived is acknowledged. */
export class Acknowledger {
  #dueAt = Infinity;
  #bytes = 0;
  #pending = false;
  #bulk = false;

  /** When an acknowledgement must leave by itself; Infinity: none is owed. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Something arrived that no acknowledgement told of yet: any packet may carry one. */
  get pending(): boolean {
    return this.#pending;
  }

  /** Full packets arrived: congestion control wants to know when. */
  get bulk(): boolean {
    return this.#bulk;
  }

  /** `urgent`: the sender asks for it, or a gap left symbols unknown. */
  arrived(bytes: number, urgent: boolean, delayMs: number, now: number): void {
    this.#pending = true;
    this.#bytes += bytes;
    this.#bulk ||= bytes >= RECOVERY.ackAfterBytes / 2;
    const atOnce = urgent || this.#bytes >= RECOVERY.ackAfterBytes;
    this.#dueAt = Math.min(this.#dueAt, atOnce ? now : now + delayMs);
  }

  left(): void {
    this.#pending = false;
    this.#bulk = false;
    this.#bytes = 0;
    this.#dueAt = Infinity;
  }
}
