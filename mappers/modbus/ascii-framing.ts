import { MAPPER_LIMITS } from '../limits.js';
import { decodeReply, encodeRequest, replyLength, type ModbusRequest } from './frame.js';
import type { Framing, GivenUp, Received, TransactionKey } from './framing.js';
import { charMs } from './line-time.js';

const COLON = 0x3a;
const LINE_FEED = 0x0a;

/**
 * Serial Line V1.02 section 2.5.2: a colon, two hexadecimal digits a byte, the longitudinal
 * redundancy check, CR and LF. A colon begins a frame anew, so that noise costs one frame.
 */
export class AsciiFraming implements Framing {
  readonly silenceMs = 0;
  readonly quarantine = true;
  readonly broadcasts = true;
  readonly #charMs: number;
  readonly #awaited = new Map<number, ModbusRequest>();
  #current: { readonly key: TransactionKey; readonly request: ModbusRequest } | undefined;
  #sent = '';
  #line: number[] = [];
  #lastKey = 0;
  #wasDamaged = false;

  constructor(baudRate: number) {
    this.#charMs = charMs(baudRate);
  }

  begin(request: ModbusRequest): { key: TransactionKey; bytes: Uint8Array } {
    const key = (this.#lastKey += 1);
    this.#current = { key, request };
    this.#awaited.delete(request.unit);
    this.#line = [];
    this.#wasDamaged = false;
    const bytes = frameAscii(request.unit, encodeRequest(request));
    this.#sent = String.fromCharCode(...bytes);
    return { key, bytes };
  }

  receive(bytes: Uint8Array): Received {
    const late: number[] = [];
    const answers: Received['answers'][number][] = [];
    let echoed = false;
    for (const byte of bytes) {
      if (byte === COLON) this.#line = [];
      if (this.#line.length < MAPPER_LIMITS.asciiReceiveBytes) this.#line.push(byte);
      if (byte !== LINE_FEED) continue;
      const line = String.fromCharCode(...this.#line);
      this.#line = [];
      const frame = parseAscii(line);
      if (frame === undefined) this.#wasDamaged = true;
      else if (this.#isEcho(line)) echoed = true;
      else this.#take(frame, answers, late);
    }
    const isDamaged = this.#wasDamaged && answers.length === 0;
    return { answers, late, ...(echoed ? { echoed } : {}), ...(isDamaged ? { isDamaged } : {}) };
  }

  giveUp(key: TransactionKey): GivenUp {
    if (this.#current?.key !== key) return { crcError: false, anyBytes: false };
    const { request } = this.#current;
    this.#current = undefined;
    this.#awaited.set(request.unit, request);
    return { crcError: this.#wasDamaged, anyBytes: this.#wasDamaged || this.#line.length > 0 };
  }

  reset(): void {
    this.#current = undefined;
    this.#awaited.clear();
    this.#line = [];
  }

  wireMs(request: ModbusRequest): { readonly request: number; readonly reply: number } {
    const asciiMs = (pdu: number): number => (2 * (pdu + 2) + 3) * this.#charMs;
    return {
      request: asciiMs(encodeRequest(request).length),
      reply: asciiMs(replyLength(request)),
    };
  }

  /** The copy of a read is no reply; that of a write cannot be told from one. */
  #isEcho(line: string): boolean {
    return line === this.#sent && this.#current?.request.op === 'read';
  }

  #take(
    { unit, pdu }: { unit: number; pdu: Uint8Array },
    answers: Received['answers'][number][],
    late: number[],
  ): void {
    const current = this.#current;
    const reply = current?.request.unit === unit ? decodeReply(current.request, pdu) : undefined;
    if (current !== undefined && reply !== undefined) {
      this.#current = undefined;
      answers.push({ key: current.key, reply });
      return;
    }
    const awaited = this.#awaited.get(unit);
    if (awaited === undefined || decodeReply(awaited, pdu) === undefined) return;
    this.#awaited.delete(unit);
    late.push(unit);
  }
}

/** One ASCII frame. */
export function frameAscii(unit: number, pdu: Uint8Array): Uint8Array {
  const bytes = [unit, ...pdu];
  const hex = [...bytes, lrc(bytes)].map((byte) => byte.toString(16).padStart(2, '0'));
  return new TextEncoder().encode(`:${hex.join('').toUpperCase()}\r\n`);
}

/** Unit, function code and data of a whole line; undefined when it is no frame. */
export function parseAscii(line: string): { unit: number; pdu: Uint8Array } | undefined {
  const [, digits] = /^:((?:[0-9A-F]{2}){4,256})\r\n$/.exec(line) ?? [];
  if (digits === undefined) return undefined;
  const bytes = Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  if (lrc(bytes) !== 0) return undefined;
  return { unit: bytes[0] ?? 0, pdu: Uint8Array.from(bytes.slice(1, -1)) };
}

function lrc(bytes: readonly number[]): number {
  return -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
