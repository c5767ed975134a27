import { EdgeError } from '#protocol/errors.js';
import type { CloseReason } from '../../transport.js';
import { resetToken } from '../crypto/packet-keys.js';
import { NO_BYTES } from '../session/handshake-packets.js';
import { CONNECTION_ID_BYTES, decodePacket, type LongHeader } from '../wire/packet-header.js';
import type { CodedConnection } from './coded-connection.js';
import type { DatagramPort } from './datagram-port.js';
import type { HandshakeResult, OpenHandshake } from './handshake-port.js';
import { HandshakeRunner } from './handshake-runner.js';
import { makeConnection, type SessionMaker } from './session-maker.js';

export interface DialOptions {
  readonly port: DatagramPort;
  /** `host:port` of the hub, the host a number. */
  readonly hub: string;
  readonly open: OpenHandshake;
}

/**
 * One dial and, when it succeeds, the session after it. It counts only with the hub's first sealed
 * packet: in TLS 1.3 a client is done before the server has judged it.
 */
export class Dialler {
  readonly #maker: SessionMaker;
  readonly #options: DialOptions;
  readonly #ownId: Uint8Array;
  readonly #ids = new Set<string>();
  readonly #resetSecret: Uint8Array;
  #peerId: Uint8Array;
  #token: Uint8Array = NO_BYTES;
  #runner: HandshakeRunner | undefined;
  #connection: CodedConnection | undefined;
  #settle: ((outcome: CodedConnection | EdgeError) => void) | undefined;

  constructor(maker: SessionMaker, options: DialOptions) {
    this.#maker = maker;
    this.#options = options;
    this.#ownId = maker.random.bytes(CONNECTION_ID_BYTES);
    this.#peerId = maker.random.bytes(CONNECTION_ID_BYTES);
    this.#resetSecret = maker.random.bytes(32);
    options.port.onDatagram((datagram, from) => this.#receive(datagram, from));
    options.port.onRefused((cause) => {
      const { hub } = options;
      this.fail(new EdgeError('EDGE_CONNECTION', `Nobody listens at UDP ${hub}.`, { cause }));
    });
  }

  /** Rejects with EDGE_CONNECTION, EDGE_CERTIFICATE or EDGE_UNAUTHENTICATED; see `fail`. */
  dial(): Promise<CodedConnection> {
    return new Promise((resolve, reject) => {
      this.#settle = (outcome) => {
        this.#settle = undefined;
        if (!(outcome instanceof EdgeError)) {
          resolve(outcome);
          return;
        }
        this.#runner?.destroy();
        this.#hangUp();
        reject(outcome);
      };
      try {
        this.#runner = this.#run();
      } catch (thrown) {
        this.fail(EdgeError.from(thrown));
      }
    });
  }

  /** Gives the dial up, as long as it has not succeeded. */
  fail(error: EdgeError): void {
    const settle = this.#settle;
    this.#settle = undefined;
    if (settle === undefined) return;
    this.#connection?.close('lost', 'given up');
    settle(error);
  }

  #run(): HandshakeRunner {
    const { open, port, hub } = this.#options;
    return new HandshakeRunner({
      clock: this.#maker.clock,
      open,
      fields: () => ({
        kind: this.#runner?.heard === true ? 'handshake' : 'initial',
        destination: this.#peerId,
        source: this.#ownId,
        token: this.#runner?.heard === true ? NO_BYTES : this.#token,
      }),
      context: () => Buffer.concat([this.#ownId, this.#peerId]),
      transmit: (datagram) => port.send(datagram, hub),
      onDone: (result) => this.#onDone(result),
      onFailed: (error) => this.fail(error),
    });
  }

  #onDone(result: HandshakeResult): void {
    if (result.peer instanceof EdgeError) {
      this.fail(result.peer);
      return;
    }
    const { port, hub } = this.#options;
    const connection = makeConnection(this.#maker, {
      role: 'client',
      result,
      ownId: this.#ownId,
      peerId: this.#peerId,
      peer: { ...result.peer, address: hub },
      address: hub,
      roundTripMs: this.#runner?.roundTripMs,
      ids: {
        issued: (id) => this.#ids.add(keyOf(id)),
        retired: (id) => this.#ids.delete(keyOf(id)),
      },
      resetToken: (id) => resetToken(this.#resetSecret, id),
      transmit: (datagram, to) => port.send(datagram, to),
    });
    connection.onGone(() => {
      const { reason } = connection;
      if (reason !== undefined) this.#settle?.(refusal(reason));
      this.#hangUp();
    });
    this.#connection = connection;
  }

  /** A last answer leaves after this turn. */
  #hangUp(): void {
    this.#maker.clock.setTimer('tunnel socket', 0, () => void this.#options.port.close());
  }

  #receive(datagram: Uint8Array, from: string): void {
    if (from !== this.#options.hub) return;
    const packet = decodePacket(datagram);
    if (!packet.ok) return;
    const { header } = packet.value;
    if (header.kind !== 'short') {
      if (Buffer.compare(header.destination, this.#ownId) !== 0) return;
      if (header.kind === 'retry') this.#onRetry(header);
      else if (header.kind === 'handshake') this.#onHandshake(header, packet.value.payload);
      return;
    }
    const connection = this.#connection;
    if (connection === undefined) return;
    const isOurs =
      this.#ids.has(keyOf(header.connectionId)) && connection.receive(packet.value, from);
    if (isOurs) this.#onSealed(connection);
    else if (connection.isReset(datagram)) connection.close('lost', 'the hub forgot this session');
  }

  /** Only as long as nothing else was heard; a token that came twice changes nothing. */
  #onRetry(header: LongHeader): void {
    if (this.#runner === undefined || this.#runner.heard || header.token.length === 0) return;
    if (Buffer.compare(header.token, this.#token) === 0) return;
    const isFirst = this.#token.length === 0;
    this.#token = header.token.slice();
    if (isFirst) this.#runner.restart();
  }

  #onHandshake(header: LongHeader, payload: Uint8Array): void {
    if (this.#runner === undefined) return;
    if (!this.#runner.heard) this.#peerId = header.source.slice();
    if (Buffer.compare(header.source, this.#peerId) === 0)
      this.#runner.receive(header.packetNumber, payload);
  }

  #onSealed(connection: CodedConnection): void {
    if (this.#settle === undefined) return;
    this.#runner?.destroy();
    this.#settle(connection);
  }
}

function refusal({ code, detail }: CloseReason): EdgeError {
  if (code === 'unauthorized')
    return new EdgeError('EDGE_UNAUTHENTICATED', 'The hub does not accept this node.', {
      cause: detail,
      hint: 'Its certificate has lapsed or was revoked, or it is another hub: join again.',
    });
  return new EdgeError('EDGE_CONNECTION', `The hub closed the session: ${detail || code}.`);
}

/** Ids as keys of a map. */
export function keyOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1');
}
