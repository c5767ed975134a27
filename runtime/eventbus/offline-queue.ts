/** A message as the broker keeps it for a client; a `pubrel` stands where its publish was. */
export interface StoredPacket {
  readonly cmd: 'publish' | 'pubrel';
  readonly brokerId?: string;
  readonly brokerCounter?: number;
  readonly topic?: string;
  readonly payload?: Buffer;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly messageId?: number | undefined;
}

interface Entry {
  packet: StoredPacket;
  messageId: number | undefined;
  readonly bytes: number;
}

/** What an entry costs beside its topic and payload. */
const ENTRY_BYTES = 200;

/**
 * The messages of QoS 1 and 2 that one client has not acknowledged, oldest first. Found by the
 * broker's counter or by packet id in one step; Aedes' own queue is unbounded and searches lists.
 */
export class OfflineQueue {
  bytes = 0;
  readonly #entries = new Map<number, Entry>();
  readonly #byMessageId = new Map<number, number>();

  get size(): number {
    return this.#entries.size;
  }

  push(counter: number, packet: StoredPacket): void {
    const bytes = ENTRY_BYTES + (packet.topic?.length ?? 0) + (packet.payload?.length ?? 0);
    this.#entries.set(counter, { packet, messageId: undefined, bytes });
    this.bytes += bytes;
  }

  /** False when there was none. */
  dropOldest(): boolean {
    for (const counter of this.#entries.keys()) {
      this.#remove(counter);
      return true;
    }
    return false;
  }

  /** The message left under this packet id. False when it is not (or no longer) kept. */
  sent(counter: number, messageId: number): boolean {
    const entry = this.#entries.get(counter);
    if (entry === undefined) return false;
    if (entry.messageId !== undefined) this.#byMessageId.delete(entry.messageId);
    entry.messageId = messageId;
    this.#byMessageId.set(messageId, counter);
    return true;
  }

  /** PUBREC came: from now on the PUBREL is what is repeated [MQTT-4.3.3-1]. */
  received(messageId: number): void {
    const entry = this.#entries.get(this.#byMessageId.get(messageId) ?? -1);
    if (entry !== undefined) entry.packet = { cmd: 'pubrel' };
  }

  /** PUBACK or PUBCOMP came. */
  acknowledged(messageId: number): StoredPacket | undefined {
    const counter = this.#byMessageId.get(messageId);
    return counter === undefined ? undefined : this.#remove(counter);
  }

  /** What to send again, as it stands when each is reached; what was sent before is a DUP. */
  *unacknowledged(): Generator<StoredPacket> {
    for (const counter of [...this.#entries.keys()]) {
      const entry = this.#entries.get(counter);
      if (entry === undefined) continue;
      const { packet, messageId } = entry;
      const sentBefore = messageId !== undefined;
      yield packet.cmd === 'pubrel'
        ? { ...packet, messageId }
        : { ...packet, ...(sentBefore ? { messageId, dup: true } : {}) }; // [MQTT-3.3.1-1]
    }
  }

  #remove(counter: number): StoredPacket | undefined {
    const entry = this.#entries.get(counter);
    if (entry === undefined) return undefined;
    this.#entries.delete(counter);
    if (entry.messageId !== undefined) this.#byMessageId.delete(entry.messageId);
    this.bytes -= entry.bytes;
    return entry.packet;
  }
}

/** A copy that does not keep the 64 KB chunk alive in which the payload arrived. */
export function detached(payload: Uint8Array): Buffer {
  return Buffer.from(payload);
}
