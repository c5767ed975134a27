import { CODED_LIMITS } from '../limits.js';
import type { Packet } from '../wire/packet-header.js';
import { expandNumber, PACKET_NUMBER_BITS } from '../wire/truncated-number.js';
import { nextKeys, type PacketKeys } from './packet-keys.js';
import { ReplayWindow } from './replay-window.js';
import { open } from './seal.js';

export interface OpenedPacket {
  readonly number: number;
  readonly payload: Uint8Array;
  /** The peer has moved to its next keys with this packet: seal with the next ones too. */
  readonly updated: boolean;
}

/** What was thrown away unread. */
export interface OpenerCounts {
  /** Not sealed with the session's keys, or changed on the way. */
  forged: number;
  /** Opened before, or too old to tell. */
  replayed: number;
}

/**
 * Opens the data packets of one direction. Nothing of a packet is read before its seal is found
 * whole: a forged row would spoil the decoder. Keys of three phases are at hand: the one before,
 * for packets that were overtaken, this one, and the next, so that trying costs no derivation.
 */
export class PacketOpener {
  readonly #replay = new ReplayWindow();
  readonly #counts: OpenerCounts = { forged: 0, replayed: 0 };
  #former: PacketKeys | undefined;
  #keys: PacketKeys;
  #next: PacketKeys;
  #phase: 0 | 1 = 0;
  /** First packet of this phase that was opened. */
  #phaseStart = 0;

  constructor(keys: PacketKeys) {
    this.#keys = keys;
    this.#next = nextKeys(keys);
  }

  get counts(): Readonly<OpenerCounts> {
    return this.#counts;
  }

  /** Share of the newest packets that were lost on their way here; undefined: too few to tell. */
  get loss(): number | undefined {
    return this.#replay.missing();
  }

  /** So much was forged that the keys are not safe any more (RFC 9001 section 6.6): close. */
  get isWorn(): boolean {
    return this.#counts.forged >= CODED_LIMITS.forgeriesPerKey;
  }

  /** Undefined: thrown away and counted. */
  open({ header, headerBytes, payload: sealed }: Packet): OpenedPacket | undefined {
    if (header.kind !== 'short') return this.#drop('forged');
    const expected = this.#replay.largest + 1;
    const number = expandNumber(header.packetNumber, PACKET_NUMBER_BITS, expected);
    if (this.#replay.isStale(number)) return this.#drop('replayed');
    const isFormer = header.keyPhase !== this.#phase && number < this.#phaseStart;
    const isNext = header.keyPhase !== this.#phase && !isFormer;
    const keys = isFormer ? this.#former : isNext ? this.#next : this.#keys;
    const payload = keys === undefined ? undefined : open(keys, number, headerBytes, sealed);
    if (payload === undefined) return this.#drop('forged');
    this.#replay.accept(number);
    if (isNext) this.#advance(number);
    return { number, payload, updated: isNext };
  }

  #advance(number: number): void {
    this.#former = this.#keys;
    this.#keys = this.#next;
    this.#next = nextKeys(this.#keys);
    this.#phase = this.#phase === 0 ? 1 : 0;
    this.#phaseStart = number;
  }

  #drop(reason: keyof OpenerCounts): OpenedPacket | undefined {
    this.#counts[reason]++;
    return undefined;
  }
}
