import { Readable } from 'node:stream';
import { EdgeError } from '#protocol/errors.js';
import type { EventBusLimits } from './limits.js';
import { detached, OfflineQueue } from './offline-queue.js';
import type { StoredPacket } from './offline-queue.js';
import { RetainedStore } from './retained-store.js';
import { TopicTree } from './topic-tree.js';

export interface SessionClient {
  readonly id: string;
}

export interface StoredSubscription {
  readonly topic: string;
  readonly qos: number;
}

interface SessionSubscription extends StoredSubscription {
  readonly clientId: string;
}

interface Session {
  readonly subscriptions: Map<string, SessionSubscription>;
  readonly queue: OfflineQueue;
  /** Monotonic milliseconds since when no connection uses it; undefined while one does. */
  absentSince: number | undefined;
}

export interface SessionHost {
  readonly limits: EventBusLimits;
  now(): number;
  /** Only what was granted is kept: Aedes hands over refused filters as well. */
  isGranted(client: SessionClient, filter: string): boolean;
  /** Resolves when the client's connection can take more stored messages. */
  replayable(client: SessionClient): Promise<void>;
}

const DONE = Promise.resolve();
const NO_SUBSCRIPTIONS: Promise<readonly SessionSubscription[]> = Promise.resolve([]);
/** How Aedes learns that a QoS 2 message is new; thrown per message, so made once. */
const NOT_FOUND = new EdgeError('EDGE_PROTOCOL', 'no such packet');

/**
 * What the broker keeps for clients: sessions that outlive a connection with their bounded
 * queues, and retained messages. Implements the persistence interface of Aedes 1.2
 * (aedes-persistence 11), whose own queues are unbounded, keep whole 64 KB chunks alive, queue
 * `$` topics for wildcards, keep refused subscriptions and resend without DUP. All of it is in
 * memory. Wills need no store: they live with their connection.
 */
export class SessionStore {
  readonly retained: RetainedStore;
  readonly counters = { queueDropped: 0, sessionsExpired: 0, sessionsEvicted: 0 };
  #bytes = 0;
  readonly #host: SessionHost;
  readonly #sessions = new Map<string, Session>();
  readonly #tree = new TopicTree<SessionSubscription>();
  readonly #inboundQos2 = new Map<string, Set<number>>();
  #subscriber: { client: SessionClient; granted: readonly StoredSubscription[] } | undefined;

  constructor(host: SessionHost) {
    this.#host = host;
    this.retained = new RetainedStore(host.limits);
  }

  get sizes(): { sessions: number; queuedMessages: number; queuedBytes: number } {
    let queuedMessages = 0;
    for (const { queue } of this.#sessions.values()) queuedMessages += queue.size;
    return { sessions: this.#sessions.size, queuedMessages, queuedBytes: this.#bytes };
  }

  present(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session !== undefined) session.absentSince = undefined;
  }

  absent(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session !== undefined) session.absentSince = this.#host.now();
  }

  /** Forgets sessions that nobody came back to. */
  expire(): void {
    const before = this.#host.now() - this.#host.limits.sessionExpiryMs;
    for (const [clientId, { absentSince }] of this.#sessions) {
      if (absentSince === undefined || absentSince > before) continue;
      this.#forget(clientId);
      this.counters.sessionsExpired++;
    }
  }

  /** Sessions whose rights have changed: what waits in them may not be theirs any more. */
  forget(isGone: (clientId: string) => boolean): void {
    for (const clientId of [...this.#sessions.keys()]) if (isGone(clientId)) this.#forget(clientId);
  }

  /** Filters of absent clients that match. */
  absentFilters(topic: string): readonly string[] {
    return this.#tree
      .match(topic, highestPerClient)
      .filter(({ clientId }) => this.#sessions.get(clientId)?.absentSince !== undefined)
      .map((subscription) => subscription.topic);
  }

  /** Whose retained messages the next `createRetainedStreamCombi` is for: Aedes does not say. */
  nextSubscriber(client: SessionClient, granted: readonly StoredSubscription[]): void {
    this.#subscriber = { client, granted };
  }

  hasInbound(clientId: string, messageId: number): boolean {
    return this.#inboundQos2.get(clientId)?.has(messageId) ?? false;
  }

  // Aedes looks at this function's constructor: it must be an async function.
  async setup(): Promise<void> {
    await DONE;
  }

  storeRetained(packet: StoredPacket & { topic: string; payload: Uint8Array }): Promise<void> {
    this.retained.store(packet.topic, packet.payload, packet.qos ?? 0);
    return DONE;
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const subscriber = this.#subscriber;
    this.#subscriber = undefined;
    const { retained } = this;
    const host = this.#host;
    async function* replay(): AsyncGenerator<StoredPacket> {
      for (const filter of filters) {
        const granted = subscriber?.granted.find(({ topic }) => topic === filter);
        for (const packet of retained.matching(filter, granted?.qos ?? 0)) {
          if (subscriber !== undefined) await host.replayable(subscriber.client);
          yield packet;
        }
      }
    }
    return Readable.from(replay());
  }

  addSubscriptions(
    client: SessionClient,
    subscriptions: readonly StoredSubscription[],
  ): Promise<void> {
    const session = this.#sessions.get(client.id) ?? this.#create(client.id);
    for (const { topic, qos } of subscriptions) {
      const known = session.subscriptions.get(topic);
      if (known?.qos === qos || !this.#host.isGranted(client, topic)) continue;
      if (known !== undefined) this.#tree.remove(topic, known);
      const subscription = { clientId: client.id, topic, qos };
      session.subscriptions.set(topic, subscription);
      if (qos > 0) this.#tree.add(topic, subscription);
    }
    return DONE;
  }

  removeSubscriptions(client: SessionClient, filters: readonly string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    for (const filter of filters) {
      const known = session?.subscriptions.get(filter);
      if (known === undefined) continue;
      this.#tree.remove(filter, known);
      session?.subscriptions.delete(filter);
    }
    return DONE;
  }

  subscriptionsByClient(client: SessionClient): Promise<readonly StoredSubscription[]> {
    const session = this.#sessions.get(client.id);
    return Promise.resolve(
      [...(session?.subscriptions.values() ?? [])].map((kept) => ({ ...kept })),
    );
  }

  subscriptionsByTopic(topic: string): Promise<readonly SessionSubscription[]> {
    if (this.#sessions.size === 0) return NO_SUBSCRIPTIONS;
    const found = this.#tree.match(topic, highestPerClient);
    return found.length === 0 ? NO_SUBSCRIPTIONS : Promise.resolve(found);
  }

  /** A clean session ends the one before it, with everything in it [MQTT-3.1.2-6]. */
  cleanSubscriptions(client: SessionClient): Promise<void> {
    this.#forget(client.id);
    return DONE;
  }

  outgoingEnqueue(to: { readonly clientId: string }, packet: StoredPacket): Promise<void> {
    return this.outgoingEnqueueCombi([{ ...to, qos: packet.qos ?? 0 }], packet);
  }

  outgoingEnqueueCombi(
    to: readonly { readonly clientId: string; readonly qos: number }[],
    packet: StoredPacket,
  ): Promise<void> {
    let kept: StoredPacket | undefined;
    for (const { clientId, qos } of to) {
      const session = this.#sessions.get(clientId);
      if (session === undefined) continue;
      kept ??= copied(packet);
      const cap = Math.min(qos, packet.qos ?? 0);
      this.#change(session.queue, (queue) =>
        queue.push(
          packet.brokerCounter ?? 0,
          kept?.qos === cap ? kept : { ...kept, cmd: 'publish', qos: cap },
        ),
      );
      this.#bound(session.queue);
    }
    return DONE;
  }

  /** Never rejects: a message that was dropped meanwhile is still sent, only not repeated. */
  outgoingUpdate(client: SessionClient, packet: StoredPacket): Promise<void> {
    const queue = this.#sessions.get(client.id)?.queue;
    const { messageId } = packet;
    if (queue === undefined || messageId === undefined) return DONE;
    if (!queue.sent(packet.brokerCounter ?? -1, messageId) && packet.cmd === 'pubrel')
      queue.received(messageId);
    return DONE;
  }

  outgoingClearMessageId(
    client: SessionClient,
    { messageId }: StoredPacket,
  ): Promise<StoredPacket | undefined> {
    const queue = this.#sessions.get(client.id)?.queue;
    if (queue === undefined || messageId === undefined) return Promise.resolve(undefined);
    return Promise.resolve(this.#change(queue, () => queue.acknowledged(messageId)));
  }

  outgoingStream(client: SessionClient): Readable {
    const queue = this.#sessions.get(client.id)?.queue;
    const host = this.#host;
    async function* replay(): AsyncGenerator<StoredPacket> {
      for (const packet of queue?.unacknowledged() ?? []) {
        await host.replayable(client);
        yield packet;
      }
    }
    return queue === undefined || queue.size === 0 ? Readable.from([]) : Readable.from(replay());
  }

  /** Only the ids are kept: the message itself went out when it came. */
  incomingStorePacket(client: SessionClient, { messageId }: StoredPacket): Promise<void> {
    const { inboundQos2, sessions, connections } = this.#host.limits;
    let ids = this.#inboundQos2.get(client.id);
    if (ids === undefined) {
      for (const oldest of this.#inboundQos2.keys()) {
        if (this.#inboundQos2.size < sessions + connections) break;
        this.#inboundQos2.delete(oldest);
      }
      ids = new Set();
      this.#inboundQos2.set(client.id, ids);
    }
    if (ids.size >= inboundQos2)
      return Promise.reject(
        new EdgeError('EDGE_LIMIT', 'too many QoS 2 exchanges wait for PUBREL'),
      );
    ids.add(messageId ?? 0);
    return DONE;
  }

  incomingGetPacket(client: SessionClient, packet: StoredPacket): Promise<StoredPacket> {
    const known = this.hasInbound(client.id, packet.messageId ?? 0);
    return known ? Promise.resolve(packet) : Promise.reject(NOT_FOUND);
  }

  incomingDelPacket(client: SessionClient, { messageId }: StoredPacket): Promise<void> {
    const ids = this.#inboundQos2.get(client.id);
    ids?.delete(messageId ?? 0);
    if (ids?.size === 0) this.#inboundQos2.delete(client.id);
    return DONE;
  }

  cleanIncoming(client: SessionClient): Promise<void> {
    this.#inboundQos2.delete(client.id);
    return DONE;
  }

  putWill(): Promise<void> {
    return DONE;
  }

  delWill(): Promise<void> {
    return DONE;
  }

  streamWill(): Readable {
    return Readable.from([]);
  }

  #create(clientId: string): Session {
    if (this.#sessions.size >= this.#host.limits.sessions) this.#evict();
    const session = { subscriptions: new Map(), queue: new OfflineQueue(), absentSince: undefined };
    this.#sessions.set(clientId, session);
    return session;
  }

  #evict(): void {
    let longest: { clientId: string; since: number } | undefined;
    for (const [clientId, { absentSince }] of this.#sessions)
      if (absentSince !== undefined && absentSince < (longest?.since ?? Infinity))
        longest = { clientId, since: absentSince };
    if (longest === undefined) return;
    this.#forget(longest.clientId);
    this.counters.sessionsEvicted++;
  }

  #forget(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    for (const [filter, kept] of session.subscriptions) this.#tree.remove(filter, kept);
    this.#bytes -= session.queue.bytes;
    this.#sessions.delete(clientId);
  }

  #change<Result>(queue: OfflineQueue, change: (queue: OfflineQueue) => Result): Result {
    this.#bytes -= queue.bytes;
    const result = change(queue);
    this.#bytes += queue.bytes;
    return result;
  }

  #bound(queue: OfflineQueue): void {
    const { offlineMessages, offlineBytes, offlineBytesTotal } = this.#host.limits;
    while (queue.size > offlineMessages || queue.bytes > offlineBytes) this.#dropOldest(queue);
    while (this.#bytes > offlineBytesTotal) this.#dropOldest(this.#fullest());
  }

  #dropOldest(queue: OfflineQueue): void {
    this.#change(queue, () => queue.dropOldest());
    this.counters.queueDropped++;
  }

  #fullest(): OfflineQueue {
    let fullest = new OfflineQueue();
    for (const { queue } of this.#sessions.values())
      if (queue.bytes > fullest.bytes) fullest = queue;
    return fullest;
  }
}

function copied(packet: StoredPacket): StoredPacket {
  const { brokerId, brokerCounter, topic, payload, qos } = packet;
  return {
    cmd: 'publish',
    ...(brokerId === undefined ? {} : { brokerId }),
    ...(brokerCounter === undefined ? {} : { brokerCounter }),
    ...(topic === undefined ? {} : { topic }),
    payload: detached(payload ?? Buffer.alloc(0)),
    qos: qos ?? 0,
  };
}

/** One message for a client whose filters overlap, at the highest QoS [MQTT-3.3.5-1]. */
function highestPerClient(found: SessionSubscription[]): SessionSubscription[] {
  const best = new Map<string, SessionSubscription>();
  for (const subscription of found) {
    const other = best.get(subscription.clientId);
    if (other === undefined || other.qos < subscription.qos)
      best.set(subscription.clientId, subscription);
  }
  return [...best.values()];
}
