import type { DoorTraffic } from '../../transport.js';
import type { DroppedRows } from '../codec/decoder.js';
import type { CodedConnection } from './coded-connection.js';

/** With the reasons of this transport. */
interface CodedTraffic extends DoorTraffic {
  readonly droppedRows: Readonly<DroppedRows>;
}

const NOTHING: CodedTraffic = {
  sentPackets: 0,
  receivedPackets: 0,
  sentBytes: 0,
  deliveredBytes: 0,
  forgedPackets: 0,
  replayedPackets: 0,
  droppedRows: { full: 0, outside: 0, inconsistent: 0, forgotten: 0 },
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

  total(): CodedTraffic {
    return [...this.#live].reduce(sum, this.#past);
  }
}

function sum(total: CodedTraffic, connection: CodedConnection): CodedTraffic {
  const status = connection.status();
  const rows = total.droppedRows;
  return {
    sentPackets: total.sentPackets + status.sentPackets,
    receivedPackets: total.receivedPackets + status.receivedPackets,
    sentBytes: total.sentBytes + status.sentBytes,
    deliveredBytes: total.deliveredBytes + status.deliveredBytes,
    forgedPackets: total.forgedPackets + status.forged,
    replayedPackets: total.replayedPackets + status.replayed,
    droppedRows: {
      full: rows.full + status.droppedRows.full,
      outside: rows.outside + status.droppedRows.outside,
      inconsistent: rows.inconsistent + status.droppedRows.inconsistent,
      forgotten: rows.forgotten + status.droppedRows.forgotten,
    },
  };
}
