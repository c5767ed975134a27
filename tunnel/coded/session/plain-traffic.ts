import type { Priority } from '../../transport.js';
import type { OperatingPoint } from '../recovery/constants.js';
import { cargoOverhead, decodeCargo, encodeCargo, type MessagePart } from '../wire/cargo.js';
import { SESSION_LIMITS } from './limits.js';
import type { Parcel, Traffic } from './traffic.js';

const ORDER: readonly Priority[] = ['control', 'twin', 'samples', 'bulk'];
const POINT: Readonly<Record<Priority, OperatingPoint>> = {
  control: 'asap',
  twin: 'lean',
  samples: 'bulk',
  bulk: 'bulk',
};
const SHARE: Readonly<Record<Priority, number>> = {
  control: 1,
  twin: 7 / 8,
  samples: 3 / 4,
  bulk: 1 / 2,
};
const OVERHEAD_BYTES = 64;
const FLOOR_EVERY = 8;

interface Cut {
  readonly message: Uint8Array;
  /** Undefined until a part of it was given. */
  id: number | undefined;
  offset: number;
}

/** The smallest traffic: messages only, by priority with a floor, no flow control. */
export class PlainTraffic implements Traffic {
  readonly #classes = new Map<Priority, Cut[]>(ORDER.map((priority) => [priority, []]));
  readonly #partial = new Map<number, { readonly bytes: Uint8Array; missing: number }>();
  #partialBytes = 0;
  #queuedBytes = 0;
  #refused = false;
  #given = 0;
  #nextId = 0;

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  send(message: Uint8Array, priority: Priority): boolean {
    const cost = message.length + OVERHEAD_BYTES;
    const limit = SESSION_LIMITS.queueBytes * SHARE[priority];
    if (this.#queuedBytes > 0 && this.#queuedBytes + cost > limit) {
      this.#refused = true;
      return false;
    }
    this.#classes.get(priority)?.push({ message, id: undefined, offset: 0 });
    this.#queuedBytes += cost;
    return true;
  }

  next(bytes: number, urgentOnly: boolean): Parcel | undefined {
    const waiting = (urgentOnly ? ORDER.slice(0, 1) : ORDER).filter(
      (priority) => (this.#classes.get(priority)?.length ?? 0) > 0,
    );
    const floor = this.#given++ % FLOOR_EVERY === FLOOR_EVERY - 1;
    const priority = floor ? waiting.at(-1) : waiting[0];
    if (priority === undefined) return undefined;
    return { data: this.#cut(priority, bytes), point: POINT[priority] };
  }

  receive(symbol: Uint8Array): readonly Uint8Array[] | 'broken' {
    const cargo = decodeCargo(symbol);
    if (!cargo.ok) return 'broken';
    if (cargo.value.kind === 'message') return [cargo.value.data];
    return cargo.value.kind === 'part' ? this.#join(cargo.value) : [];
  }

  wakeAt(): number {
    return Infinity;
  }

  relieved(): boolean {
    if (!this.#refused || this.#queuedBytes > SESSION_LIMITS.queueBytes / 4) return false;
    this.#refused = false;
    return true;
  }

  onReady(): void {
    // Nothing is ever to be said but by `send`.
  }

  close(): void {
    for (const cuts of this.#classes.values()) cuts.length = 0;
    this.#partial.clear();
    this.#queuedBytes = 0;
    this.#partialBytes = 0;
  }

  #cut(priority: Priority, bytes: number): Uint8Array {
    const cuts = this.#classes.get(priority) ?? [];
    const [cut] = cuts;
    if (cut === undefined) return new Uint8Array(0);
    const { message } = cut;
    if (cut.id === undefined && message.length + 1 <= bytes) {
      this.#taken(cuts, message.length);
      return encodeCargo({ kind: 'message', priority, data: message });
    }
    cut.id ??= this.#nextId++;
    const { id, offset } = cut;
    const part = { kind: 'part', priority, message: id, offset, total: message.length } as const;
    const room = bytes - cargoOverhead({ ...part, data: message });
    const data = message.subarray(offset, offset + room);
    cut.offset += data.length;
    if (cut.offset === message.length) this.#taken(cuts, message.length);
    return encodeCargo({ ...part, data });
  }

  #taken(cuts: Cut[], bytes: number): void {
    cuts.shift();
    this.#queuedBytes -= bytes + OVERHEAD_BYTES;
  }

  #join(part: MessagePart): readonly Uint8Array[] | 'broken' {
    const { message, offset, total, data } = part;
    let partial = this.#partial.get(message);
    if (partial === undefined) {
      const { messageBytes, partialBytes, partialMessages } = SESSION_LIMITS;
      if (total > messageBytes || this.#partialBytes + total > partialBytes) return 'broken';
      if (this.#partial.size >= partialMessages) return 'broken';
      partial = { bytes: new Uint8Array(total), missing: total };
      this.#partial.set(message, partial);
      this.#partialBytes += total;
    }
    if (partial.bytes.length !== total || offset + data.length > total) return 'broken';
    partial.bytes.set(data, offset);
    partial.missing -= data.length;
    if (partial.missing > 0) return [];
    this.#partial.delete(message);
    this.#partialBytes -= total;
    return [partial.bytes];
  }
}
