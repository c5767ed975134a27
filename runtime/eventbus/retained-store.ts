import { detached } from './offline-queue.js';
import type { StoredPacket } from './offline-queue.js';
import { filterMatches, hasWildcard } from './topic-filter.js';

export interface RetainedLimits {
  readonly retainedMessages: number;
  readonly retainedBytes: number;
}

/**
 * The last retained message of each topic, bounded. A filter without wildcards is one lookup;
 * Aedes' own store scans everything for it. Lives in memory: a restart forgets it.
 */
export class RetainedStore {
  bytes = 0;
  /** Messages that were delivered but not kept. */
  refused = 0;
  readonly #limits: RetainedLimits;
  readonly #packets = new Map<string, StoredPacket & { readonly payload: Buffer }>();

  constructor(limits: RetainedLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#packets.size;
  }

  /** An empty payload clears the topic [MQTT-3.3.1-10]. What cannot be kept replaces nothing. */
  store(topic: string, payload: Uint8Array, qos: number): void {
    const old = this.#packets.get(topic);
    if (old !== undefined) {
      this.#packets.delete(topic);
      this.bytes -= cost(topic, old.payload);
    }
    if (payload.length === 0) return;
    const { retainedMessages, retainedBytes } = this.#limits;
    const bytes = cost(topic, payload);
    if (this.#packets.size >= retainedMessages || this.bytes + bytes > retainedBytes) {
      this.refused++;
      return;
    }
    const kept = { cmd: 'publish', topic, payload: detached(payload), qos, retain: true } as const;
    this.#packets.set(topic, kept);
    this.bytes += bytes;
  }

  /** The messages for a subscription, at most at its QoS. */
  *matching(filter: string, qosMax: number): Generator<StoredPacket> {
    if (!hasWildcard(filter)) {
      const packet = this.#packets.get(filter);
      if (packet !== undefined) yield capped(packet, qosMax);
      return;
    }
    for (const [topic, packet] of this.#packets)
      if (filterMatches(filter, topic)) yield capped(packet, qosMax);
  }
}

function capped(packet: StoredPacket, qosMax: number): StoredPacket {
  return { ...packet, qos: Math.min(packet.qos ?? 0, qosMax) };
}

function cost(topic: string, payload: Uint8Array): number {
  return topic.length + payload.length;
}
