import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import { connectedFlow, DatagramJoin, joinStreams } from './join.js';
import { FORWARD_LIMITS } from './limits.js';
import { OpeningReader, writeAnswer, type Answer, type Opening } from './opening.js';
import { isAllowed, type Target } from './target.js';

export interface ForwardExitOptions {
  /** What may be reached; empty: nothing. */
  readonly allowed: readonly Target[];
  readonly clock: Clock;
  readonly log: Log;
}

export interface ForwardStatus {
  readonly allowed: number;
  readonly open: number;
  readonly opened: number;
  readonly refused: number;
  /** Datagrams of targets that the way to the hub was too slow for. */
  readonly dropped: number;
}

/** The gateway's end of forwardings: reaches what its configuration allows, and nothing else. */
export class ForwardExit {
  readonly #options: ForwardExitOptions;
  readonly #streams = new Set<Duplex>();
  #opened = 0;
  #refused = 0;
  #dropped = 0;

  constructor(options: ForwardExitOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#streams.size;
  }

  get refused(): number {
    return this.#refused;
  }

  /** For people: what may be reached, and what became of it since the start. */
  status(): ForwardStatus {
    return {
      allowed: this.#options.allowed.length,
      open: this.open,
      opened: this.#opened,
      refused: this.#refused,
      dropped: this.#dropped,
    };
  }

  /** Takes a stream that the hub opened. */
  accept(stream: Duplex): void {
    stream.on('error', () => undefined);
    if (this.#streams.size >= FORWARD_LIMITS.connections) {
      this.#refuse(stream, 'full');
      return;
    }
    this.#streams.add(stream);
    stream.on('close', () => this.#streams.delete(stream));
    const { openMs } = FORWARD_LIMITS;
    const timer = this.#options.clock.setTimer('forward opening', openMs, () => stream.destroy());
    stream.on('close', () => timer.cancel());
    const reader = new OpeningReader();
    const read = (data: Uint8Array): void => {
      const opening = reader.take(data);
      if (opening === undefined) return;
      stream.off('data', read);
      stream.pause();
      timer.cancel();
      if (opening === 'malformed') {
        this.#refuse(stream, 'malformed');
        return;
      }
      if (opening.rest.length > 0) stream.unshift(opening.rest);
      this.#reach(stream, opening);
    };
    stream.on('data', read);
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #reach(stream: Duplex, { target, isQuestion }: Opening): void {
    const { allowed, log } = this.#options;
    if (!isAllowed(target, allowed)) {
      log.warn('forward refused', { ...target });
      this.#refuse(stream, 'forbidden');
    } else if (isQuestion) this.#answer(stream, 'open');
    else if (target.carriage === 'tcp') this.#reachTcp(stream, target);
    else this.#reachUdp(stream, target);
  }

  #reachTcp(stream: Duplex, target: Target): void {
    const { host, port } = target;
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    const { openMs } = FORWARD_LIMITS;
    const timer = this.#options.clock.setTimer('forward connect', openMs, () => socket.destroy());
    const gone = (): void => void socket.destroy();
    const failed = (): void => {
      timer.cancel();
      stream.off('close', gone);
      this.#refuse(stream, 'unreachable');
    };
    stream.once('close', gone);
    socket.on('error', () => undefined);
    socket.once('close', failed);
    socket.once('connect', () => {
      timer.cancel();
      socket.off('close', failed);
      stream.off('close', gone);
      this.#open(stream, target);
      joinStreams(stream, socket, () => undefined);
    });
  }

  #reachUdp(stream: Duplex, target: Target): void {
    const { host, port } = target;
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    const failed = (): void => {
      socket.close();
      this.#refuse(stream, 'unreachable');
    };
    socket.once('error', failed);
    socket.connect(port, host, () => {
      socket.off('error', failed);
      socket.on('error', () => undefined); // nobody listens there: as with any datagram
      if (stream.destroyed) {
        socket.close();
        return;
      }
      this.#open(stream, target);
      const dropped = (): void => {
        this.#dropped++;
      };
      const join = new DatagramJoin(stream, connectedFlow(socket), this.#options.clock, dropped);
      socket.on('message', (datagram) => join.arrived(datagram));
    });
  }

  #refuse(stream: Duplex, why: Answer): void {
    this.#refused++;
    this.#answer(stream, why);
  }

  #answer(stream: Duplex, answer: Answer): void {
    if (stream.destroyed) return;
    stream.end(writeAnswer(answer));
    stream.resume();
  }

  #open(stream: Duplex, target: Target): void {
    this.#opened++;
    this.#options.log.info('forward open', { ...target });
    stream.write(writeAnswer('open'));
  }
}
