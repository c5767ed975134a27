import { MAPPER_LIMITS } from '../limits.js';
import { frameMbap, MBAP_MAX, takeMbap } from './adu.js';
import { decodeReply, encodeRequest, type ModbusReply, type ModbusRequest } from './frame.js';
import type { Framing, GivenUp, Received, TransactionKey } from './framing.js';

const NUMBERS = 0x10000;

/**
 * Modbus TCP: a transaction number tells replies apart, so that several requests may be under way.
 * A number that was given up is not used again on the same connection: its reply may still come.
 */
export class MbapFraming implements Framing {
  readonly silenceMs = 0;
  readonly quarantine = false;
  readonly broadcasts = false;
  readonly #current = new Map<TransactionKey, ModbusRequest>();
  readonly #givenUp = new Map<TransactionKey, number>();
  #last = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  begin(request: ModbusRequest): { key: TransactionKey; bytes: Uint8Array } {
    do this.#last = (this.#last + 1) % NUMBERS;
    while (this.#current.has(this.#last) || this.#givenUp.has(this.#last));
    this.#current.set(this.#last, request);
    return { key: this.#last, bytes: frameMbap(this.#last, request.unit, encodeRequest(request)) };
  }

  receive(bytes: Uint8Array): Received {
    let rest = joined(this.#bytes, bytes);
    const answers: { key: TransactionKey; reply?: ModbusReply }[] = [];
    const late: number[] = [];
    for (;;) {
      const taken = takeMbap(rest);
      if (taken.kind !== 'frame') {
        if (taken.kind === 'lost') return { answers, late, lost: true };
        break;
      }
      rest = taken.rest;
      const { transaction: key, unit, pdu } = taken.frame;
      const request = this.#current.get(key);
      if (request === undefined) {
        late.push(this.#givenUp.get(key) ?? unit);
        continue;
      }
      this.#current.delete(key);
      const reply = unit === request.unit ? decodeReply(request, pdu) : undefined;
      answers.push(reply === undefined ? { key } : { key, reply });
    }
    // Less than one frame is left, so this copy is at most MBAP_MAX bytes.
    this.#bytes = rest.slice(0, MBAP_MAX);
    return { answers, late };
  }

  giveUp(key: TransactionKey): GivenUp {
    const request = this.#current.get(key);
    this.#current.delete(key);
    if (request !== undefined) this.#givenUp.set(key, request.unit);
    const anyBytes = this.#bytes.length > 0;
    return this.#givenUp.size >= MAPPER_LIMITS.tcpGivenUpMax
      ? { crcError: false, anyBytes, exhausted: true }
      : { crcError: false, anyBytes };
  }

  reset(): void {
    this.#current.clear();
    this.#givenUp.clear();
    this.#bytes = new Uint8Array(0);
  }

  wireMs(): { readonly request: number; readonly reply: number } {
    return { request: 0, reply: 0 };
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
