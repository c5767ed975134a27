import type { ModbusReply, ModbusRequest } from './frame.js';

/** A transaction's own number, given by `begin`. */
export type TransactionKey = number;

/** What came in, in terms of the transactions under way. */
export interface Received {
  /** Without a reply: what came was this transaction's, and does not answer its request. */
  readonly answers: readonly { readonly key: TransactionKey; readonly reply?: ModbusReply }[];
  /** Units of whole replies to requests that were given up. */
  readonly late: readonly number[];
  /** The stream cannot be followed any more. */
  readonly lost?: true;
  /** A reply of the full length with a wrong checksum is there, and no good one. */
  readonly isDamaged?: true;
  /** Bytes before a reply were passed over. */
  readonly resynchronised?: true;
  /** The request itself came back. */
  readonly echoed?: true;
}

/** Bytes that end nothing, as most reads of a slow line. */
export const NOTHING: Received = { answers: [], late: [] };

/** How requests travel on one kind of wire. Pure: bytes in, bytes out, no time but what is asked. */
export interface Framing {
  /** Begins a transaction: what came in before is none of its reply. */
  begin(request: ModbusRequest): { readonly key: TransactionKey; readonly bytes: Uint8Array };
  /** `NOTHING` when these bytes change nothing yet. */
  receive(bytes: Uint8Array): Received;
  /** The transaction is over without a reply; one may still come. `anyBytes`: a part of one did. */
  giveUp(key: TransactionKey): GivenUp;
  /** A new connection: nothing of the old one can arrive. */
  reset(): void;
  /** Milliseconds that the request and its reply are on the wire. */
  wireMs(request: ModbusRequest): { readonly request: number; readonly reply: number };
  /** Milliseconds of silence that a request needs before it. */
  readonly silenceMs: number;
  /** True where a reply can only be told from a late one by waiting. One transaction at a time. */
  readonly quarantine: boolean;
  /** True where unit 0 means every slave, and none answers. */
  readonly broadcasts: boolean;
}

export interface GivenUp {
  readonly crcError: boolean;
  readonly anyBytes: boolean;
  /** So many were given up that only a new connection has numbers left. */
  readonly exhausted?: true;
}
