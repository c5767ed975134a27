import { bytesOf } from './payload-bytes.js';

/** A client that can be written to without Aedes: it keeps nothing for it at this QoS. */
export interface DirectClient {
  write(piece: Uint8Array): void;
  /** The next packet id; undefined when only Aedes can deliver QoS 1, as to kept sessions. */
  nextId(): number | undefined;
}

export interface Deliverable {
  readonly topic: string;
  readonly payload: string | Uint8Array;
}

const PUBLISH_QOS0 = 0x30;
const PUBLISH_QOS1 = 0x32;

/** Small pieces are copied when they are written, so one will do for all ids. */
const idBytes = new Uint8Array(2);

/**
 * One message on its way to many clients: the head of its packet is encoded once for each QoS
 * (MQTT 3.1.1 section 3.3) instead of field by field for each client. This, and not going through
 * two turns of the event loop for each delivery, is what makes fan-out cheap.
 */
export class DirectDelivery {
  readonly #topic: string;
  readonly #payload: Buffer;
  #head0: Buffer | undefined;
  #head1: Buffer | undefined;

  constructor({ topic, payload }: Deliverable) {
    this.#topic = topic;
    this.#payload = bytesOf(payload);
  }

  /** False when this client cannot be served this way. */
  deliver(client: DirectClient, qos: number): boolean {
    if (qos === 0) {
      client.write((this.#head0 ??= head(PUBLISH_QOS0, this.#topic, this.#payload.length)));
    } else {
      const id = qos === 1 ? client.nextId() : undefined;
      if (id === undefined) return false;
      client.write((this.#head1 ??= head(PUBLISH_QOS1, this.#topic, this.#payload.length + 2)));
      idBytes[0] = id >> 8;
      idBytes[1] = id & 0xff;
      client.write(idBytes);
    }
    if (this.#payload.length > 0) client.write(this.#payload);
    return true;
  }
}

/** Fixed header, remaining length (section 2.2.3) and topic; `rest` bytes follow. */
function head(first: number, topic: string, rest: number): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const buffer = Buffer.allocUnsafe(7 + topicBytes);
  let at = 0;
  buffer[at++] = first;
  let left = 2 + topicBytes + rest;
  do {
    buffer[at++] = (left & 0x7f) | (left > 0x7f ? 0x80 : 0);
    left >>>= 7;
  } while (left > 0);
  buffer[at++] = topicBytes >> 8;
  buffer[at++] = topicBytes & 0xff;
  at += buffer.write(topic, at);
  return buffer.subarray(0, at);
}
