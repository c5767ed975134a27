import type { Random } from '#protocol/random.js';
import { RESET_TOKEN_BYTES, type ConnectionIdFrame } from '../wire/frame.js';
import { CONNECTION_ID_BYTES } from '../wire/packet-header.js';
import { SESSION_LIMITS } from './limits.js';

/** Whoever finds the session of a datagram keeps these up to date. */
export interface IdRegistry {
  issued(id: Uint8Array): void;
  retired(id: Uint8Array): void;
}

/** The names under which the other end may address this one. */
export class OwnIds {
  readonly #random: Random;
  readonly #registry: IdRegistry;
  readonly #resetToken: (id: Uint8Array) => Uint8Array;
  readonly #ids = new Map<number, Uint8Array>();
  #next = 0;
  #used = 0;

  /** `first`: the one that the handshake used. */
  constructor(
    first: Uint8Array,
    random: Random,
    registry: IdRegistry,
    resetToken: (id: Uint8Array) => Uint8Array,
  ) {
    this.#random = random;
    this.#registry = registry;
    this.#resetToken = resetToken;
    this.#ids.set(this.#next++, first);
    registry.issued(first);
  }

  /** The proof for the first one, and a spare one. */
  opening(): ConnectionIdFrame[] {
    return [this.#frame(0, this.#ids.get(0) ?? new Uint8Array(0)), this.#issue()];
  }

  /** A packet came under this name: a first use of the newest asks for another spare one. */
  used(id: Uint8Array): ConnectionIdFrame | undefined {
    if (this.#next < 2) return undefined;
    const newest = this.#ids.get(this.#next - 1);
    if (newest === undefined || !equal(newest, id)) return undefined;
    this.#used = this.#next - 1;
    return this.#issue();
  }

  retireAll(): void {
    for (const id of this.#ids.values()) this.#registry.retired(id);
    this.#ids.clear();
  }

  #issue(): ConnectionIdFrame {
    const id = this.#random.bytes(CONNECTION_ID_BYTES);
    const sequence = this.#next++;
    this.#ids.set(sequence, id);
    this.#registry.issued(id);
    for (const [old, retired] of this.#ids) {
      if (this.#ids.size <= SESSION_LIMITS.ownIds) break;
      this.#ids.delete(old);
      this.#registry.retired(retired);
    }
    return this.#frame(sequence, id);
  }

  #frame(sequence: number, connectionId: Uint8Array): ConnectionIdFrame {
    const resetToken = this.#resetToken(connectionId);
    return { kind: 'connectionId', sequence, retireBefore: this.#used, connectionId, resetToken };
  }
}

/** The names of the other end: the one in use, spare ones for another path, and their proofs. */
export class PeerIds {
  readonly #spare = new Map<number, ConnectionIdFrame>();
  #current: Uint8Array;
  #sequence = 0;
  #token: Uint8Array | undefined;

  constructor(first: Uint8Array) {
    this.#current = first;
  }

  get current(): Uint8Array {
    return this.#current;
  }

  learn(frame: ConnectionIdFrame): void {
    const kept = { ...frame, connectionId: frame.connectionId.slice() };
    if (frame.sequence === this.#sequence) this.#token = frame.resetToken.slice();
    if (frame.sequence <= this.#sequence || this.#spare.has(frame.sequence)) return;
    if (this.#spare.size >= SESSION_LIMITS.peerIds) return;
    this.#spare.set(frame.sequence, { ...kept, resetToken: frame.resetToken.slice() });
  }

  /** Takes another name, so that nobody can tell by it that the new path is the old session's. */
  change(): void {
    const [sequence] = [...this.#spare.keys()].sort((a, b) => a - b);
    const next = sequence === undefined ? undefined : this.#spare.get(sequence);
    if (next === undefined) return;
    this.#spare.delete(next.sequence);
    this.#current = next.connectionId;
    this.#sequence = next.sequence;
    this.#token = next.resetToken;
  }

  /** The datagram ends with the proof that its sender owns the name in use but forgot the session. */
  isReset(datagram: Uint8Array): boolean {
    if (this.#token === undefined || datagram.length < RESET_TOKEN_BYTES + 5) return false;
    return equal(this.#token, datagram.subarray(-RESET_TOKEN_BYTES));
  }
}

/** In a time that tells nothing of where they differ. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0);
  return difference === 0;
}
