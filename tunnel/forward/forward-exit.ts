import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import { connectedFlow, DatagramJoin, joinStreams } from './join.js';
import { FORWARD_LIMITS } from './limits.js';
import { OpeningReader, writeAnswer, type Answer } from './opening.js';
import { isAllowed, type Target } from './target.js';

export interface ForwardExitOptions {
  /** What may be reached; empty: nothing. */
  readonly allowed: readonly Target[];
  readonly clock: Clock;
  readonly log: Log;
}

/** The gateway's end of forwardings: reaches what its configuration allows, and nothing else. */
export class ForwardExit {
  readonly #options: ForwardExitOptions;
  readonly #streams = new Set<Duplex>();
  #refused = 0;

  constructor(options: ForwardExitOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#streams.size;
  }

  get refused(): number {
    return this.#refused;
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
      this.#reach(stream, opening.target);
    };
    stream.on('data', read);
  }

  close(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #reach(stream: Duplex, target: Target): void {
    const { allowed, log } = this.#options;
    if (!isAllowed(target, allowed)) {
      log.warn('forward refused', { ...target });
      this.#refuse(stream, 'forbidden');
    } else if (target.carriage === 'tcp') this.#reachTcp(stream, target);
    else this.#reachUdp(stream, target);
  }

  #reachTcp(stream: Duplex, { host, port }: Target): void {
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
      stream.write(writeAnswer('open'));
      joinStreams(stream, socket, () => undefined);
    });
  }

  #reachUdp(stream: Duplex, { host, port }: Target): void {
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
      stream.write(writeAnswer('open'));
      const join = new DatagramJoin(stream, connectedFlow(socket), this.#options.clock);
      socket.on('message', (datagram) => join.arrived(datagram));
    });
  }

  #refuse(stream: Duplex, why: Answer): void {
    this.#refused++;
    if (stream.destroyed) return;
    stream.end(writeAnswer(why));
    stream.resume();
  }
}
