import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { encodeMessage } from '#protocol/message-codec.js';
import { isNodeName } from '#protocol/name.js';
import type { Random } from '#protocol/random.js';
import type { ByeReason } from '#protocol/sync-message.js';
import type { Connection, Listener, Peer } from '#tunnel/transport.js';
import type { DeviceController } from '../devicecontroller/device-controller.js';
import type { Refused } from '../audit/refusals.js';
import { HUB_LIMITS } from '../limits.js';
import { Admission } from './admission.js';
import type { HubCounters } from './counters.js';
import { NodeSession } from './node-session.js';

export interface CloudHubOptions {
  readonly fleet: DeviceController;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The enrolment's answer: false for an unknown, removed or revoked identity. Asked often. */
  readonly isNodeAllowed: (peer: Peer) => boolean;
  /** Told of nodes that are not let in, or not any more. */
  readonly refused?: Refused;
}

/**
 * Where gateways come in: takes connections from any transport, lets nodes in by their
 * certificates, and hands what they say to their loops.
 */
export class CloudHub {
  readonly #options: CloudHubOptions;
  readonly #admission: Admission;
  readonly #listeners: Listener[] = [];
  readonly #sessions = new Map<NodeSession, Peer>();
  #lastSession = 0;
  #isStopping = false;
  #recheck: Timer | undefined;

  constructor(options: CloudHubOptions) {
    this.#options = options;
    this.#admission = new Admission(options.clock.now());
    this.#scheduleRecheck();
  }

  get counters(): Readonly<HubCounters> {
    return this.#options.fleet.counters;
  }

  /** Connections that stand, with and without a session. */
  get connections(): number {
    return this.#sessions.size;
  }

  /** Takes every connection of the listener, which is closed by `stop`. */
  accept(listener: Listener): void {
    this.#listeners.push(listener);
    listener.onConnection((connection) => this.#connected(connection));
  }

  /** Says goodbye to every gateway, then closes the listeners. The fleet is stopped by its owner. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#recheck?.cancel();
    for (const session of this.#sessions.keys()) {
      const detail = 'The hub is stopping.';
      session.send({ kind: 'bye', reason: 'shutting-down', detail }, 'control');
      session.close('normal', detail);
    }
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  #connected(connection: Connection): void {
    const { clock, random, log, fleet, isNodeAllowed } = this.#options;
    const { peer } = connection;
    fleet.counters.connections++;
    if (this.#isStopping) {
      refuse(connection, 'shutting-down', 'The hub is stopping.');
      return;
    }
    if (!isNodeName(peer.name) || !isNodeAllowed(peer)) {
      fleet.counters.refusedConnections++;
      log.warn('node refused', { node: peer.name, address: peer.address });
      this.#recordRefusal(peer, 'not enrolled here, or revoked');
      refuse(connection, 'refused', 'This node is not enrolled here, or it was revoked.');
      return;
    }
    if (!this.#admission.admit(clock.now())) {
      // No BYE: a refused gateway would keep away for long, this one should just dial again.
      fleet.counters.refusedConnections++;
      refuse(connection, undefined, 'Too many gateways connect at once: try again later.');
      return;
    }
    const session: NodeSession = new NodeSession({
      id: ++this.#lastSession,
      connection,
      clock,
      random,
      log,
      counters: fleet.counters,
      loop: () => {
        if (isNodeAllowed(peer)) return fleet.loopOf(peer.name);
        throw new EdgeError('EDGE_UNAUTHENTICATED', `node ${peer.name} was revoked`, {
          hint: 'Let it join again with a new token.',
        });
      },
      onClosed: () => this.#sessions.delete(session),
    });
    this.#sessions.set(session, peer);
  }

  #recordRefusal({ name, address }: Peer, why: string): void {
    this.#options.refused?.({
      ...{ actor: `node:${name}`, action: 'node.refuse', subject: name, node: name },
      ...{ code: 'EDGE_FORBIDDEN', detail: `${why}; from ${address}` },
    });
  }

  /** Ends the sessions of nodes that are not allowed any more; how many of this one. */
  cutOff(node?: string): number {
    const { isNodeAllowed, fleet } = this.#options;
    let count = 0;
    for (const [session, peer] of this.#sessions) {
      if (isNodeAllowed(peer)) continue;
      const detail = 'This node was revoked.';
      fleet.counters.refusedConnections++;
      this.#recordRefusal(peer, 'revoked: its session was ended');
      session.send({ kind: 'bye', reason: 'refused', detail }, 'control');
      session.close('unauthorized', detail);
      if (peer.name === node) count++;
    }
    return count;
  }

  /** Revocation ends live sessions within a sweep (promise P10), whoever noted it. */
  #scheduleRecheck(): void {
    this.#recheck = this.#options.clock.setTimer('revocation', HUB_LIMITS.sweepEveryMs, () => {
      this.cutOff();
      this.#scheduleRecheck();
    });
  }
}

function refuse(connection: Connection, reason: ByeReason | undefined, detail: string): void {
  connection.onMessage(() => undefined);
  connection.onDrained(() => undefined);
  connection.onClose(() => undefined);
  if (reason !== undefined)
    connection.send(encodeMessage({ kind: 'bye', reason, detail }), 'control');
  connection.close(reason === 'refused' ? 'unauthorized' : 'normal', detail);
}
