import { MAPPER_LIMITS } from '../limits.js';
import { findRtuReply, frameRtu } from './adu.js';
import { Echo } from './echo.js';
import { encodeRequest, type ModbusRequest } from './frame.js';
import {
  NOTHING,
  type Framing,
  type GivenUp,
  type Received,
  type TransactionKey,
} from './framing.js';
import { rtuWireMs, silenceMs } from './line-time.js';

/** Bytes of the shortest reply: unit, a function of the maker's own, and the checksum. */
const SHORTEST = 4;
const NONE: readonly never[] = [];

interface Current {
  readonly key: TransactionKey;
  readonly request: ModbusRequest;
  readonly sent: Uint8Array;
}

/** RTU frames on a serial line, or through a server that passes a line on (`silence` 0 there). */
export class RtuFraming implements Framing {
  readonly silenceMs: number;
  readonly quarantine = true;
  readonly broadcasts = true;
  readonly #baudRate: number;
  readonly #echo = new Echo();
  readonly #awaited = new Map<number, ModbusRequest>();
  readonly #buffer = new Uint8Array(MAPPER_LIMITS.rtuReceiveBytes);
  #length = 0;
  #current: Current | undefined;
  #lastKey = 0;

  constructor(baudRate: number, silence = silenceMs(baudRate)) {
    this.#baudRate = baudRate;
    this.silenceMs = silence;
  }

  begin(request: ModbusRequest): { key: TransactionKey; bytes: Uint8Array } {
    this.#length = 0;
    const sent = frameRtu(request.unit, encodeRequest(request));
    const key = (this.#lastKey += 1);
    this.#current = { key, request, sent };
    this.#awaited.delete(request.unit);
    this.#echo.begin(sent, request);
    return { key, bytes: sent };
  }

  receive(bytes: Uint8Array): Received {
    this.#append(bytes);
    if (this.#length < SHORTEST) return NOTHING;
    const late = this.#awaited.size === 0 ? NONE : this.#lateUnits();
    const current = this.#current;
    if (current === undefined) return late.length === 0 ? NOTHING : { answers: NONE, late };
    const echoed = this.#withoutEcho() ? { echoed: true as const } : undefined;
    const heard = this.#bytes();
    const search = findRtuReply(current.request, heard);
    if (!search.found || this.#echo.isAwaited(heard)) {
      const isDamaged = !search.found && search.crcError;
      if (!isDamaged && late.length === 0 && echoed === undefined) return NOTHING;
      return { answers: NONE, late, ...echoed, ...(isDamaged ? { isDamaged } : {}) };
    }
    this.#echo.answered();
    this.#current = undefined;
    this.#length = 0;
    const answers = [{ key: current.key, reply: search.reply }];
    const isPlain = echoed === undefined && search.start === 0;
    if (isPlain) return { answers, late };
    return { answers, late, ...echoed, ...(search.start > 0 ? { resynchronised: true } : {}) };
  }

  giveUp(key: TransactionKey): GivenUp {
    const current = this.#current;
    if (current?.key !== key) return { crcError: false, anyBytes: false };
    this.#current = undefined;
    this.#awaited.set(current.request.unit, current.request);
    const search = findRtuReply(current.request, this.#bytes());
    this.#echo.givenUp(this.#length > 0);
    return { crcError: !search.found && search.crcError, anyBytes: this.#length > 0 };
  }

  reset(): void {
    this.#current = undefined;
    this.#awaited.clear();
    this.#echo.forget();
    this.#length = 0;
  }

  wireMs(request: ModbusRequest): { readonly request: number; readonly reply: number } {
    return rtuWireMs(request, this.#baudRate);
  }

  #bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** The newest bytes are kept: what is older than two frames answers nothing any more. */
  #append(bytes: Uint8Array): void {
    const fresh = bytes.subarray(-this.#buffer.length);
    const over = this.#length + fresh.length - this.#buffer.length;
    if (over > 0) {
      this.#buffer.copyWithin(0, over, this.#length);
      this.#length -= over;
    }
    this.#buffer.set(fresh, this.#length);
    this.#length += fresh.length;
  }

  #lateUnits(): number[] {
    const late: number[] = [];
    for (const [unit, request] of this.#awaited) {
      if (!findRtuReply(request, this.#bytes()).found) continue;
      this.#awaited.delete(unit);
      late.push(unit);
    }
    return late;
  }

  #withoutEcho(): boolean {
    const length = this.#echo.lengthIn(this.#bytes());
    if (length === 0) return false;
    this.#buffer.copyWithin(0, length, this.#length);
    this.#length -= length;
    return true;
  }
}
