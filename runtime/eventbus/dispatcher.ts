import { DirectDelivery } from './direct-delivery.js';
import type { DirectClient } from './direct-delivery.js';
import { TopicTree } from './topic-tree.js';

export interface Dispatched {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos: number;
}

type Deliver = (packet: Dispatched, done: () => void) => void;

interface Listener {
  readonly filter: string;
  /** Delivery by Aedes. */
  readonly deliver: Deliver;
  /** The client behind it and the QoS it was granted, once they are known. */
  client: DirectClient | undefined;
  qos: number;
}

/** A topic under which refused messages go nowhere: 3.1.1 cannot refuse, only acknowledge. */
export const NOWHERE = '$edgetwin/nowhere';

/**
 * Hands each message to the subscriptions that match. Takes the place of Aedes' emitter
 * (mqemitter), which waits for the slowest of a hundred deliveries and delivers at a higher QoS
 * than was granted to a wildcard.
 */
export class Dispatcher {
  readonly #tree = new TopicTree<Listener>();
  readonly #listeners = new Map<Deliver, Listener>();

  on(filter: string, deliver: Deliver, done?: () => void): this {
    const listener = { filter, deliver, client: undefined, qos: 2 };
    this.#listeners.set(deliver, listener);
    this.#tree.add(filter, listener);
    done?.();
    return this;
  }

  removeListener(filter: string, deliver: Deliver, done?: () => void): this {
    const listener = this.#listeners.get(deliver);
    if (listener !== undefined) this.#tree.remove(filter, listener);
    this.#listeners.delete(deliver);
    done?.();
    return this;
  }

  /** Which client a subscription belongs to: it gets each message once, at its highest QoS. */
  claim(deliver: Deliver, client: DirectClient, qos: number): void {
    const listener = this.#listeners.get(deliver);
    if (listener === undefined) return;
    listener.client = client;
    listener.qos = qos;
    this.#tree.refresh();
  }

  emit(packet: Dispatched, done: () => void): this {
    const listeners = packet.topic === NOWHERE ? [] : this.#tree.match(packet.topic, oncePerClient);
    let waiting = 1;
    const delivered = (): void => {
      if (--waiting === 0) done();
    };
    if (listeners.length > 0) {
      const direct = new DirectDelivery(packet);
      for (const { client, deliver, qos: granted } of listeners) {
        const qos = Math.min(granted, packet.qos); // [MQTT-3.8.4-6]
        if (client !== undefined && direct.deliver(client, qos)) continue;
        waiting++;
        deliver(qos < packet.qos ? { ...packet, qos } : packet, delivered);
      }
    }
    delivered();
    return this;
  }

  /** The filters of connected clients that match. */
  filters(topic: string): readonly string[] {
    return this.#tree.match(topic, oncePerClient).map(({ filter }) => filter);
  }

  close(done: () => void): this {
    done();
    return this;
  }
}

function oncePerClient(found: Listener[]): Listener[] {
  const best = new Map<object, Listener>();
  for (const listener of found) {
    const client = listener.client ?? listener;
    const other = best.get(client);
    if (other === undefined || other.qos < listener.qos) best.set(client, listener);
  }
  return [...best.values()];
}
