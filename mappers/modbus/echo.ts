import type { ModbusRequest } from './frame.js';
import { replyLength } from './frame.js';

/** Bytes around function code and data: unit and CRC. */
const RTU_OVERHEAD = 3;

/**
 * Two-wire adapters may hear what they send. The copy of a request must not be taken for its
 * reply: a write of one register is answered by the very same bytes. Whether an adapter echoes is
 * learned from requests whose reply cannot look like them, and forgotten with the connection.
 */
export class Echo {
  #habit: 'unknown' | 'none' | 'echoes' = 'unknown';
  #sent: Uint8Array = new Uint8Array(0);
  /** The reply may consist of the same bytes as the request. */
  #looksAlike = false;
  #isRead = false;
  #wasSeen = false;

  begin(sent: Uint8Array, request: ModbusRequest): void {
    this.#sent = sent;
    this.#looksAlike = replyLength(request) + RTU_OVERHEAD === sent.length;
    this.#isRead = request.op === 'read';
    this.#wasSeen = false;
  }

  /** How many of the first bytes are the echo, once it is whole; 0 before, and when there is none. */
  lengthIn(bytes: Uint8Array): number {
    if (this.#wasSeen || bytes.length < this.#sent.length) return 0;
    if (this.#looksAlike && this.#habit !== 'echoes' && !this.#isTwice(bytes)) return 0;
    const start = this.#habit === 'echoes' ? indexOf(bytes, this.#sent) : 0;
    if (start < 0 || !startsWith(bytes.subarray(start), this.#sent)) return 0;
    this.#wasSeen = true;
    this.#habit = 'echoes';
    return start + this.#sent.length;
  }

  /** The bytes may still be the echo alone, with the reply to come. */
  isAwaited(bytes: Uint8Array): boolean {
    const mayBeEcho = this.#habit === 'unknown' && this.#looksAlike && !this.#wasSeen;
    return mayBeEcho && this.#isRead && startsWith(bytes, this.#sent);
  }

  answered(): void {
    if (!this.#wasSeen && !this.#looksAlike) this.#habit = 'none';
  }

  /** Silence says nothing; an answer without an echo where one was expected does. */
  givenUp(anyBytes: boolean): void {
    if (this.#habit === 'echoes' && !this.#wasSeen && anyBytes) this.#habit = 'unknown';
  }

  forget(): void {
    this.#habit = 'unknown';
  }

  /** Only a read: a write that is echoed by an unknown adapter has its answer behind, unread. */
  #isTwice(bytes: Uint8Array): boolean {
    return this.#habit === 'unknown' && this.#isRead && bytes.length >= 2 * this.#sent.length;
  }
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, at) => byte === bytes[at]);
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let start = 0; start + part.length <= bytes.length; start += 1)
    if (startsWith(bytes.subarray(start), part)) return start;
  return -1;
}
