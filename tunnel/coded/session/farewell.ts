import type { CloseCode, CloseReason } from '../../transport.js';
import type { Frame } from '../wire/frame.js';
import type { SessionLimits } from './limits.js';

const CODES: readonly CloseCode[] = ['normal', 'superseded', 'protocol', 'unauthorized', 'slow'];

/**
 * The end of a session. `lingering`: closed here, what was queued still leaves. `saying`: the
 * other end is told until it answers. `answering`: it closed first and is told that this was
 * heard. Who has gone altogether is told by its stateless reset.
 */
export class Farewell {
  readonly #limits: SessionLimits;
  #state: 'open' | 'lingering' | 'saying' | 'answering' | 'over' = 'open';
  #reason: CloseReason | undefined;
  #untilAt = Infinity;
  #dueAt = Infinity;
  #told = 0;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  get state(): 'open' | 'lingering' | 'saying' | 'answering' | 'over' {
    return this.#state;
  }

  /** Why it ended; the first reason stands. */
  get reason(): CloseReason | undefined {
    return this.#reason;
  }

  close(reason: CloseReason, now: number): void {
    if (this.#state !== 'open') return;
    this.#reason = reason;
    this.#state = 'lingering';
    this.#untilAt = now + this.#limits.lingerMs;
  }

  /** Nothing is left to be sent, or nothing else is worth sending. */
  say(now: number): void {
    if (this.#state !== 'lingering') return;
    this.#state = 'saying';
    this.#dueAt = now;
    this.#untilAt = now + this.#limits.lingerMs;
  }

  /** The other end said it; it is over here when the answer has left. */
  heard(code: number, detail: Uint8Array, now: number): void {
    if (this.#state === 'answering' || this.#state === 'over') return;
    if (this.#state === 'saying') {
      this.#state = 'over';
      return;
    }
    const text = new TextDecoder().decode(detail);
    this.#reason ??= { code: CODES[code] ?? 'protocol', detail: text, remote: true };
    this.#state = 'answering';
    this.#dueAt = now;
  }

  /** Nobody is there to be told. */
  lose(detail: string): void {
    if (this.#state === 'over') return;
    this.#reason ??= { code: 'lost', detail, remote: true };
    this.#state = 'over';
  }

  /** The close frame, when it is to be said (again). */
  take(roundTripMs: number, now: number): Frame | undefined {
    if (this.#dueAt > now || this.#reason === undefined) return undefined;
    const gap = this.#told < 3 ? 20 * 2 ** this.#told : Math.max(100, roundTripMs);
    this.#told++;
    if (this.#state === 'answering') {
      this.#state = 'over';
      this.#dueAt = Infinity;
    } else this.#dueAt = now + gap;
    const code = Math.max(0, CODES.indexOf(this.#reason.code));
    const detail = clip(this.#reason.detail, this.#limits.detailBytes);
    return { kind: 'close', code, detail };
  }

  onTimer(now: number): void {
    if (now < this.#untilAt) return;
    if (this.#state === 'lingering') this.say(now);
    else if (this.#state === 'saying') this.#state = 'over';
  }

  wakeAt(): number {
    return this.#state === 'over' ? Infinity : Math.min(this.#dueAt, this.#untilAt);
  }
}

/** At most so many bytes of UTF-8, no character cut. */
function clip(text: string, bytesMax: number): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  let end = Math.min(bytes.length, bytesMax);
  while (end > 0 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
