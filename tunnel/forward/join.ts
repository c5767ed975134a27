import type { Socket as DatagramSocket } from 'node:dgram';
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '#protocol/clock.js';
import { DatagramReader, frameDatagram } from './datagram-frames.js';
import { FORWARD_LIMITS } from './limits.js';

/** Both ways with back-pressure; one end's close or error is the other's. Half-open stays so. */
export function joinStreams(one: Duplex, other: Duplex, over: () => void): void {
  let open = 2;
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => {
      // Without an end of its own it was cut off.
      if (!from.readableEnded || !from.writableFinished) to.destroy();
      if (--open === 0) over();
    });
    from.pipe(to);
  }
}

/** Whom the datagrams of a flow go to, and who is told what comes back. */
export interface DatagramFlow {
  send(datagram: Uint8Array): void;
  close(): void;
}

/**
 * Datagrams over a stream: those that arrive at the socket are framed and written, or dropped when
 * the stream is slow; those in the stream are sent. Ends when nothing passed for a while.
 */
export class DatagramJoin {
  readonly #stream: Duplex;
  readonly #clock: Clock;
  readonly #flow: DatagramFlow;
  readonly #dropped: () => void;
  readonly #reader = new DatagramReader();
  #idle: Timer | undefined;

  /** `dropped`: told of each datagram that found the stream full. */
  constructor(stream: Duplex, flow: DatagramFlow, clock: Clock, dropped: () => void) {
    this.#dropped = dropped;
    this.#stream = stream;
    this.#flow = flow;
    this.#clock = clock;
    stream.on('data', (data: Uint8Array) => this.#read(data));
    stream.on('error', () => undefined);
    stream.on('end', () => stream.end());
    stream.on('close', () => {
      this.#idle?.cancel();
      flow.close();
    });
    stream.resume();
    this.#touch();
  }

  /** What the socket received. */
  arrived(datagram: Uint8Array): void {
    this.#touch();
    if (this.#stream.writableLength > FORWARD_LIMITS.datagramQueueBytes) this.#dropped();
    else this.#stream.write(frameDatagram(datagram));
  }

  #read(data: Uint8Array): void {
    this.#touch();
    const datagrams = this.#reader.take(data);
    if (datagrams === 'malformed') this.#stream.destroy();
    else for (const datagram of datagrams) this.#flow.send(datagram);
  }

  #touch(): void {
    this.#idle?.cancel();
    const { datagramIdleMs } = FORWARD_LIMITS;
    this.#idle = this.#clock.setTimer('forward idle', datagramIdleMs, () => this.#stream.end());
  }
}

/** A flow to one address through a connected socket. */
export function connectedFlow(socket: DatagramSocket): DatagramFlow {
  return {
    send: (datagram) => socket.send(datagram),
    close: () => socket.close(),
  };
}
