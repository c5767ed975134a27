import { CONGESTION } from './constants.js';

export interface FlyingPacket {
  readonly number: number;
  readonly sentAt: number;
  /** In full packets. */
  readonly size: number;
  readonly sentTotal: number;
  readonly limited: boolean;
}

/** How far from a lost packet a neighbour may tell what queue it met. */
const NEIGHBOURS = 12;

/** The packets that fill the window, and for a while those that left it. Bounded. */
export class PacketsInFlight {
  /** In the order they were sent. */
  readonly #flying = new Map<number, FlyingPacket>();
  /** Lost or given up: some arrive yet. */
  readonly #gone = new Map<number, FlyingPacket>();
  readonly #queueMs = new RecentNumbers();
  #size = 0;
  #sentTotal = 0;

  /** In full packets. */
  get size(): number {
    return this.#size;
  }

  get count(): number {
    return this.#flying.size;
  }

  get oldest(): FlyingPacket | undefined {
    const first = this.#flying.values().next();
    return first.done === true ? undefined : first.value;
  }

  sent(number: number, size: number, limited: boolean, now: number): void {
    this.#sentTotal += size;
    this.#size += size;
    const packet = { number, sentAt: now, size, sentTotal: this.#sentTotal, limited };
    this.#flying.set(number, packet);
    if (this.#flying.size > CONGESTION.flyingMax && this.oldest !== undefined)
      this.leave(this.oldest.number);
  }

  /** `late`: it had left the window before. Undefined: not a packet that counts, or told twice. */
  arrived(number: number): { readonly packet: FlyingPacket; readonly late: boolean } | undefined {
    const packet = this.#flying.get(number);
    if (packet !== undefined) {
      this.#flying.delete(number);
      this.#shrink(packet.size);
      return { packet, late: false };
    }
    const gone = this.#gone.get(number);
    this.#gone.delete(number);
    return gone === undefined ? undefined : { packet: gone, late: true };
  }

  /** It was lost or is given up; undefined when it did not count any more. */
  leave(number: number): FlyingPacket | undefined {
    const packet = this.#flying.get(number);
    if (packet === undefined) return undefined;
    this.#flying.delete(number);
    this.#shrink(packet.size);
    this.#gone.set(number, packet);
    forgetOldest(this.#gone);
    return packet;
  }

  noteQueue(number: number, queueMs: number): void {
    this.#queueMs.set(number, queueMs);
  }

  /** What the nearest packet that arrived spent in the queue. */
  queueNear(number: number): number | undefined {
    for (let distance = 1; distance < NEIGHBOURS; distance++) {
      const after = this.#queueMs.get(number + distance);
      const before = this.#queueMs.get(number - distance);
      if (after !== undefined || before !== undefined) return Math.max(after ?? 0, before ?? 0);
    }
    return undefined;
  }

  #shrink(size: number): void {
    this.#size = this.#flying.size === 0 ? 0 : this.#size - size; // no rounding is left over
  }
}

/** A value each of the packets of late: as many as the limit says at least, twice as many at most. */
class RecentNumbers {
  #newer = new Map<number, number>();
  #older = new Map<number, number>();

  get(number: number): number | undefined {
    return this.#newer.get(number) ?? this.#older.get(number);
  }

  /** In two halves: to find the oldest one each time, all that was forgotten is passed over. */
  set(number: number, value: number): void {
    this.#newer.set(number, value);
    if (this.#newer.size < CONGESTION.rememberedMax) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }
}

function forgetOldest(map: Map<number, unknown>): void {
  if (map.size <= CONGESTION.rememberedMax) return;
  const first = map.keys().next();
  if (first.done !== true) map.delete(first.value);
}
