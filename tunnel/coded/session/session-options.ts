import type { Random } from '#protocol/random.js';
import type { CloseReason } from '../../transport.js';
import type { DroppedRows } from '../codec/decoder.js';
import type { Workbench } from '../codec/workbench.js';
import type { PacketOpener } from '../crypto/packet-opener.js';
import type { PacketSealer } from '../crypto/packet-sealer.js';
import type { IdRegistry } from './connection-ids.js';
import type { SessionLimits } from './limits.js';
import type { Role, Traffic } from './traffic.js';

/** What a session tells whoever owns it, at once and in order. */
export interface SessionEvents extends IdRegistry {
  message(message: Uint8Array): void;
  drained(): void;
  /** Once. Nothing comes after it; `take` may still give a last answer. */
  ended(reason: CloseReason): void;
}

export interface SessionOptions {
  readonly role: Role;
  readonly sealer: PacketSealer;
  readonly opener: PacketOpener;
  /** Of the handshake. */
  readonly ownId: Uint8Array;
  readonly peerId: Uint8Array;
  readonly address: string;
  readonly roundTripMs: number;
  /** What a former session learnt of this network path. */
  readonly memory?: unknown;
  readonly resetToken: (id: Uint8Array) => Uint8Array;
  readonly traffic: Traffic;
  readonly bench: Workbench;
  readonly random: Random;
  readonly limits: SessionLimits;
  readonly events: SessionEvents;
}

/** A datagram and where it goes, `host:port`. */
export interface Outgoing {
  readonly datagram: Uint8Array;
  readonly to: string;
}

/** For people. Loss is a share; undefined: not known yet. */
export interface SessionStatus {
  readonly address: string;
  readonly rttMs: number;
  /** Of what is sent. */
  readonly loss: number;
  /** Of what was sent here. */
  readonly lossIn: number | undefined;
  /** IP bytes sent per byte of first transmissions with what their packets cost. */
  readonly redundancy: number | undefined;
  /** Since the other end was heard. */
  readonly silentMs: number;
  /** It does not answer: a person would call it dead, though the session may outlive it. */
  readonly isSilent: boolean;
  /** What was learnt of the NAT in front of this end: a packet so often keeps its mapping. */
  readonly keepAliveMs: number;
  /** Changes of address, of either end. */
  readonly moves: number;
  readonly sentPackets: number;
  /** IP bytes. */
  readonly sentBytes: number;
  /** Payload that the other end is known to have. */
  readonly deliveredBytes: number;
  readonly receivedPackets: number;
  readonly forged: number;
  readonly replayed: number;
  /** Coded rows and symbols that were opened and could not be used. */
  readonly droppedRows: DroppedRows;
}
