import type { DoorTraffic } from '../../transport.js';
import type { CodedConnection } from './coded-connection.js';

const NOTHING: DoorTraffic = {
  sentPackets: 0,
  receivedPackets: 0,
  sentBytes: 0,
  deliveredBytes: 0,
  forgedPackets: 0,
  replayedPackets: 0,
};

/** Packets and bytes of all sessions of a door, those that are over included. */
export class TrafficBook {
  readonly #live = new Set<CodedConnection>();
  #past = NOTHING;

  add(connection: CodedConnection): void {
    this.#live.add(connection);
    connection.onGone(() => {
      this.#live.delete(connection);
      this.#past = sum(this.#past, connection);
    });
  }

  total(): DoorTraffic {
    return [...this.#live].reduce(sum, this.#past);
  }
}

function sum(total: DoorTraffic, connection: CodedConnection): DoorTraffic {
  const status = connection.status();
  return {
    sentPackets: total.sentPackets + status.sentPackets,
    receivedPackets: total.receivedPackets + status.receivedPackets,
    sentBytes: total.sentBytes + status.sentBytes,
    deliveredBytes: total.deliveredBytes + status.deliveredBytes,
    forgedPackets: total.forgedPackets + status.forged,
    replayedPackets: total.replayedPackets + status.replayed,
  };
}
