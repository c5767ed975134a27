import { MAPPER_LIMITS } from '../limits.js';
import {
  decodeReply,
  encodeRequest,
  findRtuReply,
  frameMbap,
  frameRtu,
  MBAP_MAX,
  replyLength,
  takeMbap,
  type ModbusReply,
  type ModbusRequest,
} from './frame.js';

/** What came in, in terms of the one transaction under way. */
export interface Received {
  readonly reply?: ModbusReply;
  /** The reply was ours by its transaction, and did not answer the request. */
  readonly damaged?: boolean;
  /** Whole replies to requests that were given up. */
  readonly late: number;
  /** The stream cannot be followed any more. */
  readonly lost?: boolean;
}

/** How requests travel on one kind of wire. Pure: bytes in, bytes out, no time but what is asked. */
export interface Framing {
  /** Begins a transaction: what came in before is none of its reply. */
  begin(request: ModbusRequest): Uint8Array;
  receive(bytes: Uint8Array): Received;
  /** The transaction is over without a reply; one may still come. `anyBytes`: a part of one did. */
  giveUp(): { readonly crcError: boolean; readonly anyBytes: boolean };
  /** A new connection: nothing of the old one can arrive. */
  reset(): void;
  /** Milliseconds that the request and its reply are on the wire. */
  wireMs(request: ModbusRequest): { readonly request: number; readonly reply: number };
  /** Milliseconds of silence that a request needs before it. */
  readonly silenceMs: number;
  /** True where a reply can only be told from a late one by waiting. */
  readonly quarantine: boolean;
}

/** Serial Line V1.02 section 2.5.1.1: 3.5 characters of 11 bits; fixed above 19200 baud. */
const SILENCE_CHARS = 3.5;
const CHAR_BITS = 11;
const FAST_BAUD = 19_200;
const FAST_SILENCE_MS = 1.75;
/** Bytes around function code and data: unit and CRC. */
const RTU_OVERHEAD = 3;
const EMPTY = new Uint8Array(0);

export class RtuFraming implements Framing {
  readonly silenceMs: number;
  readonly quarantine = true;
  readonly #charMs: number;
  #current: ModbusRequest | undefined;
  #awaited = new Map<number, ModbusRequest>();
  #bytes: Uint8Array = EMPTY;

  constructor(baudRate: number) {
    this.#charMs = (CHAR_BITS * 1000) / baudRate;
    this.silenceMs = baudRate > FAST_BAUD ? FAST_SILENCE_MS : SILENCE_CHARS * this.#charMs;
  }

  begin(request: ModbusRequest): Uint8Array {
    this.#bytes = EMPTY;
    this.#current = request;
    this.#awaited.delete(request.unit);
    return frameRtu(request.unit, encodeRequest(request));
  }

  receive(bytes: Uint8Array): Received {
    const kept = Math.max(0, MAPPER_LIMITS.rtuReceiveBytes - bytes.length);
    const before = this.#bytes.subarray(Math.max(0, this.#bytes.length - kept));
    this.#bytes = concat(before, bytes.subarray(-MAPPER_LIMITS.rtuReceiveBytes));
    let late = 0;
    for (const [unit, request] of this.#awaited) {
      if (!findRtuReply(request, this.#bytes).found) continue;
      this.#awaited.delete(unit);
      late += 1;
    }
    if (this.#current === undefined) return { late };
    const search = findRtuReply(this.#current, this.#bytes);
    if (!search.found) return { late };
    this.#current = undefined;
    this.#bytes = EMPTY;
    return { reply: search.reply, late };
  }

  giveUp(): { crcError: boolean; anyBytes: boolean } {
    const request = this.#current;
    if (request === undefined) return { crcError: false, anyBytes: false };
    this.#current = undefined;
    this.#awaited.set(request.unit, request);
    const search = findRtuReply(request, this.#bytes);
    return { crcError: !search.found && search.crcError, anyBytes: this.#bytes.length > 0 };
  }

  reset(): void {
    this.#current = undefined;
    this.#awaited.clear();
    this.#bytes = EMPTY;
  }

  wireMs(request: ModbusRequest): { request: number; reply: number } {
    return {
      request: (encodeRequest(request).length + RTU_OVERHEAD) * this.#charMs,
      reply: (replyLength(request) + RTU_OVERHEAD) * this.#charMs,
    };
  }
}

export class MbapFraming implements Framing {
  readonly silenceMs = 0;
  readonly quarantine = false;
  #current: { transaction: number; request: ModbusRequest } | undefined;
  #transaction = 0;
  #bytes: Uint8Array = EMPTY;

  begin(request: ModbusRequest): Uint8Array {
    this.#transaction = (this.#transaction + 1) & 0xffff;
    this.#current = { transaction: this.#transaction, request };
    return frameMbap(this.#transaction, request.unit, encodeRequest(request));
  }

  receive(bytes: Uint8Array): Received {
    let rest = concat(this.#bytes, bytes);
    let late = 0;
    let result: { reply?: ModbusReply; damaged?: boolean } = {};
    for (;;) {
      const taken = takeMbap(rest);
      if (taken.kind !== 'frame') {
        if (taken.kind === 'lost') return { ...result, late, lost: true };
        break;
      }
      rest = taken.rest;
      const { transaction, unit, pdu } = taken.frame;
      const current = this.#current;
      if (current?.transaction !== transaction) {
        late += 1;
        continue;
      }
      const { request } = current;
      this.#current = undefined;
      const reply = unit === request.unit ? decodeReply(request, pdu) : undefined;
      result = reply === undefined ? { damaged: true } : { reply };
    }
    // Less than one frame is left, so this copy is at most MBAP_MAX bytes.
    this.#bytes = rest.slice(0, MBAP_MAX);
    return { ...result, late };
  }

  giveUp(): { crcError: boolean; anyBytes: boolean } {
    this.#current = undefined;
    return { crcError: false, anyBytes: this.#bytes.length > 0 };
  }

  reset(): void {
    this.#current = undefined;
    this.#bytes = EMPTY;
  }

  wireMs(): { request: number; reply: number } {
    return { request: 0, reply: 0 };
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
