import { TopicTree } from './topic-tree.js';

export interface Dispatched {
  readonly topic: string;
  readonly qos: number;
}

type Deliver = (packet: Dispatched, done: () => void) => void;

interface Listener {
  readonly filter: string;
  readonly deliver: Deliver;
  /** The client behind it and the QoS it was granted, once they are known. */
  owner: object | undefined;
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
    const listener = { filter, deliver, owner: undefined, qos: 2 };
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
  claim(deliver: Deliver, owner: object, qos: number): void {
    const listener = this.#listeners.get(deliver);
    if (listener === undefined) return;
    listener.owner = owner;
    listener.qos = qos;
    this.#tree.refresh();
  }

  emit(packet: Dispatched, done: () => void): this {
    const listeners = packet.topic === NOWHERE ? [] : this.#tree.match(packet.topic, oncePerOwner);
    let waiting = listeners.length;
    if (waiting === 0) {
      done();
      return this;
    }
    const delivered = (): void => {
      if (--waiting === 0) done();
    };
    for (const { deliver, qos } of listeners)
      deliver(qos < packet.qos ? { ...packet, qos } : packet, delivered); // [MQTT-3.8.4-6]
    return this;
  }

  /** The filters of connected clients that match. */
  filters(topic: string): readonly string[] {
    return this.#tree.match(topic, oncePerOwner).map(({ filter }) => filter);
  }

  close(done: () => void): this {
    done();
    return this;
  }
}

function oncePerOwner(found: Listener[]): Listener[] {
  const best = new Map<object, Listener>();
  for (const listener of found) {
    const owner = listener.owner ?? listener;
    const other = best.get(owner);
    if (other === undefined || other.qos < listener.qos) best.set(owner, listener);
  }
  return [...best.values()];
}
