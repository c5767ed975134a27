import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { Roster } from '../../roster.js';
import type { CloseCode, DoorTraffic, Peer } from '../../transport.js';
import { AddressTokens } from '../crypto/address-tokens.js';
import { resetToken } from '../crypto/packet-keys.js';
import { CODED_LIMITS } from '../limits.js';
import { retryDatagram } from '../session/handshake-packets.js';
import {
  CONNECTION_ID_BYTES,
  decodePacket,
  type LongHeader,
  type Packet,
} from '../wire/packet-header.js';
import { CodedConnection } from './coded-connection.js';
import type { DatagramPort } from './datagram-port.js';
import { keyOf } from './dialler.js';
import { TrafficBook } from './door-traffic.js';
import type { HandshakeResult, OpenHandshake } from './handshake-port.js';
import { Handshakes, type PendingHandshake } from './handshakes.js';
import type { DoorLimits } from './limits.js';
import { makeConnection, type SessionMaker } from './session-maker.js';
import { resetDatagram, ResetBudget } from './stateless-reset.js';

export interface AcceptorOptions extends SessionMaker {
  readonly port: DatagramPort;
  readonly limits: DoorLimits;
  readonly log: Log;
  /** Asked for each handshake: identity and authorities may have changed. */
  readonly open: () => OpenHandshake;
  readonly resetSecret: Uint8Array;
  readonly admit?: ((peer: Peer) => boolean) | undefined;
  readonly onConnection: (connection: CodedConnection) => void;
}

/** What came in and was not let in, since the start. */
export interface AcceptorStats {
  readonly connections: number;
  readonly handshakes: number;
  readonly accepted: number;
  readonly refused: {
    readonly unauthenticated: number;
    readonly forbidden: number;
    readonly full: number;
  };
  /** Datagrams: not readable; of no session; sealed by a stranger; sent back for a token. */
  readonly unreadable: number;
  readonly unknown: number;
  readonly foreign: number;
  readonly retried: number;
  readonly droppedHandshakes: number;
  readonly failedHandshakes: number;
  readonly traffic: DoorTraffic;
}

/** The hub's end of all sessions: finds the session of a datagram, and lets new ones in. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #tokens: AddressTokens;
  readonly #handshakes: Handshakes;
  readonly #resets: ResetBudget;
  readonly #roster: Roster;
  readonly #traffic = new TrafficBook();
  /** By connection id; a session has a few. */
  readonly #connections = new Map<string, CodedConnection>();
  #isOpen = true;
  #counts = { accepted: 0, unreadable: 0, unknown: 0, foreign: 0, retried: 0, failedHandshakes: 0 };
  #refused = { unauthenticated: 0, forbidden: 0, full: 0 };

  constructor(options: AcceptorOptions) {
    const { clock, random, limits, port } = options;
    this.#options = options;
    this.#tokens = new AddressTokens(random, clock.now());
    this.#handshakes = new Handshakes(clock, limits);
    this.#resets = new ResetBudget(limits.resetsPerSecond);
    this.#roster = new Roster(limits.connectionsPerNode);
    port.onDatagram((datagram, from) => this.#receive(datagram, from));
  }

  stats(): AcceptorStats {
    return {
      connections: this.#roster.size,
      handshakes: this.#handshakes.size,
      refused: { ...this.#refused },
      droppedHandshakes: this.#handshakes.dropped,
      traffic: this.#traffic.total(),
      ...this.#counts,
    };
  }

  closePeers(predicate: (peer: Peer) => boolean, code: CloseCode, detail?: string): number {
    return this.#roster.close(predicate, code, detail);
  }

  /** Closes the door, then every connection; resolves when all are gone. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#handshakes.clear();
    this.#roster.close(() => true, 'normal', 'the hub is stopping');
    await this.#roster.emptied();
  }

  #receive(datagram: Uint8Array, from: string): void {
    const packet = decodePacket(datagram);
    if (!packet.ok) {
      this.#counts.unreadable++;
      return;
    }
    const { header, payload } = packet.value;
    if (header.kind === 'short') {
      const connection = this.#connections.get(keyOf(header.connectionId));
      if (connection === undefined) this.#answerStranger(datagram, header.connectionId, from);
      else this.#deliver(connection, packet.value, from);
      return;
    }
    const known = this.#handshakes.find(from, header);
    if (known !== undefined) this.#goOn(known, header, payload);
    else if (header.kind === 'initial' && this.#isOpen)
      this.#begin(datagram, header, payload, from);
    else this.#counts.unknown++;
  }

  #deliver(connection: CodedConnection, packet: Packet, from: string): void {
    const { isConfirmed } = connection;
    if (!connection.receive(packet, from)) this.#counts.foreign++;
    else if (!isConfirmed) this.#handshakes.settle(connection);
  }

  /** The first packets of a client: no memory and few bytes before it proved its address. */
  #begin(datagram: Uint8Array, header: LongHeader, payload: Uint8Array, from: string): void {
    const { clock, port, random } = this.#options;
    const isWhole = datagram.length >= CODED_LIMITS.datagramBytes;
    if (!isWhole || header.source.length !== CONNECTION_ID_BYTES) {
      this.#counts.unreadable++;
      return;
    }
    const now = clock.now();
    if (!this.#tokens.isValid(header.token, from, header.source, now)) {
      this.#counts.retried++;
      port.send(retryDatagram(header, this.#tokens.make(from, header.source, now)), from);
      return;
    }
    const pending = this.#handshakes.begin(from, header.source.slice(), {
      open: this.#options.open(),
      ownId: random.bytes(CONNECTION_ID_BYTES),
      transmit: (bytes) => port.send(bytes, from),
      onDone: (done, result) => this.#onDone(done, result),
      onFailed: () => this.#counts.failedHandshakes++,
    });
    pending.runner.receive(header.packetNumber, payload);
  }

  #goOn(known: PendingHandshake, header: LongHeader, payload: Uint8Array): void {
    known.runner.receive(header.packetNumber, payload);
    // It is still at its handshake: what proves this end to it was lost.
    known.connection?.hurry();
  }

  #onDone(pending: PendingHandshake, result: HandshakeResult): void {
    const { peer } = result;
    const { address, ownId, clientId } = pending;
    const { port, resetSecret, log } = this.#options;
    const isRefused = peer instanceof EdgeError;
    const named: Peer = isRefused
      ? { name: '', fingerprint: '', serial: '', address }
      : { ...peer, address };
    const connection = makeConnection(this.#options, {
      role: 'server',
      result,
      ownId,
      peerId: clientId,
      peer: named,
      address,
      roundTripMs: pending.runner.roundTripMs,
      ids: {
        issued: (id, owner) => this.#connections.set(keyOf(id), owner),
        retired: (id) => this.#connections.delete(keyOf(id)),
      },
      resetToken: (id) => resetToken(resetSecret, id),
      transmit: (datagram, to) => port.send(datagram, to),
    });
    pending.connection = connection;
    const no = isRefused ? 'unauthenticated' : this.#reasonAgainst(named);
    if (no === undefined) {
      this.#counts.accepted++;
      this.#traffic.add(connection);
      this.#roster.add(connection);
      this.#options.onConnection(connection);
      connection.flush();
      return;
    }
    this.#refused[no]++;
    log.warn('tunnel refused', { ...named, cause: isRefused ? peer : no });
    connection.close(no === 'full' ? 'slow' : 'unauthorized', no);
  }

  #reasonAgainst(peer: Peer): 'forbidden' | 'full' | undefined {
    if (this.#options.admit?.(peer) === false) return 'forbidden';
    return this.#roster.size >= this.#options.limits.connections ? 'full' : undefined;
  }

  /** A session that this process does not know: its owner shall not wait for silence. */
  #answerStranger(datagram: Uint8Array, id: Uint8Array, from: string): void {
    this.#counts.unknown++;
    const { clock, port, random, resetSecret } = this.#options;
    if (!this.#resets.allows(clock.now())) return;
    const answer = resetDatagram(datagram.length, resetToken(resetSecret, id), random);
    if (answer !== undefined) port.send(answer, from);
  }
}
