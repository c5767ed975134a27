import { TUNNEL_LIMITS } from './limits.js';
import type { Priority } from './transport.js';

const ORDER: readonly Priority[] = ['control', 'twin', 'samples', 'bulk'];

/** How much of the queue each class may fill: the urgent find room when the bulky do not. */
const SHARE: Readonly<Record<Priority, number>> = {
  control: 1,
  twin: 7 / 8,
  samples: 3 / 4,
  bulk: 1 / 2,
};

/** One message in so many is taken from the lowest waiting class, so that none starves. */
const FLOOR_EVERY = 8;

/** Below this part of the limit the refused are told to try again. */
const RELIEF = 1 / 4;

/** What waits for the link: bounded in bytes, most urgent first with a floor, in order in a class. */
export class SendQueue {
  readonly #limitBytes: number;
  readonly #classes: Readonly<Record<Priority, Uint8Array[]>> = {
    control: [],
    twin: [],
    samples: [],
    bulk: [],
  };
  #bytes = 0;
  #taken = 0;
  #refused = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes that wait, with the overhead of each message. */
  get bytes(): number {
    return this.#bytes;
  }

  get empty(): boolean {
    return this.#bytes === 0;
  }

  /** False when the class has no room; a message that finds the queue empty is always taken. */
  offer(message: Uint8Array, priority: Priority): boolean {
    const cost = costOf(message);
    if (!this.empty && this.#bytes + cost > this.#limitBytes * SHARE[priority]) {
      this.#refused = true;
      return false;
    }
    this.#classes[priority].push(message);
    this.#bytes += cost;
    return true;
  }

  take(): Uint8Array | undefined {
    const waiting = ORDER.filter((priority) => this.#classes[priority].length > 0);
    const floor = this.#taken % FLOOR_EVERY === FLOOR_EVERY - 1;
    const priority = floor ? waiting.at(-1) : waiting[0];
    return priority === undefined ? undefined : this.takeFrom(priority);
  }

  /** The oldest of one class, for whoever orders the classes himself. */
  takeFrom(priority: Priority): Uint8Array | undefined {
    const message = this.#classes[priority].shift();
    if (message === undefined) return undefined;
    this.#taken++;
    this.#bytes -= costOf(message);
    return message;
  }

  /** True once after a refusal, when there is room again. */
  relieved(): boolean {
    if (!this.#refused || this.#bytes > this.#limitBytes * RELIEF) return false;
    this.#refused = false;
    return true;
  }

  clear(): void {
    for (const priority of ORDER) this.#classes[priority].length = 0;
    this.#bytes = 0;
  }
}

function costOf(message: Uint8Array): number {
  return message.length + TUNNEL_LIMITS.queueOverheadBytes;
}
