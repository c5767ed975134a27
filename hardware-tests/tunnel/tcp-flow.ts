import type { Link } from './simulated-link.js';
import type { Timeline } from './timeline.js';

/** IP bytes of a full segment. */
export const SEGMENT_BYTES = 1_500;
const REORDERED_SEGMENTS = 3;
const TIME_OUT_MIN_MS = 300;
const TIMER_MS = 50;

/** What a congestion control of TCP decides. Windows in segments. */
export interface TcpControl {
  readonly window: number;
  /** Segments per millisecond; undefined: as the window lets. */
  readonly pace: number | undefined;
  onAck(ack: TcpAck): void;
  onLoss(segment: number, next: number, now: number): void;
  onTimeOut(): void;
}

export interface TcpAck {
  readonly now: number;
  readonly segment: number;
  /** Number of the next segment. */
  readonly next: number;
  readonly roundTripMs: number;
  readonly smoothedMs: number;
  /** Delivered since this segment was sent. */
  readonly deliveredSince: number;
  readonly inFlight: number;
}

/** A TCP sender with endless data and selective acknowledgements, none of which are lost. */
export class TcpFlow {
  readonly #timeline: Timeline;
  readonly #link: Link;
  readonly #back: Link;
  readonly #control: TcpControl;
  readonly #flying = new Map<number, { readonly at: number; readonly delivered: number }>();
  #next = 0;
  #highest = -1;
  #delivered = 0;
  #smoothedMs = 0;
  #freeAt = 0;
  #alarm = false;

  constructor(timeline: Timeline, link: Link, back: Link, control: TcpControl) {
    this.#timeline = timeline;
    this.#link = link;
    this.#back = back;
    this.#control = control;
  }

  start(at: number): void {
    this.#timeline.at(at, () => {
      this.#pump();
      this.#watch();
    });
  }

  #pump(): void {
    const { now } = this.#timeline;
    while (this.#flying.size < this.#control.window) {
      const { pace } = this.#control;
      if (pace !== undefined && now < this.#freeAt) {
        if (!this.#alarm)
          this.#timeline.at(this.#freeAt, () => {
            this.#alarm = false;
            this.#pump();
          });
        this.#alarm = true;
        return;
      }
      if (pace !== undefined) this.#freeAt = Math.max(now, this.#freeAt) + 1 / pace;
      const segment = this.#next++;
      this.#flying.set(segment, { at: now, delivered: this.#delivered });
      const arrives = this.#link.send(SEGMENT_BYTES, now);
      if (arrives === undefined) continue;
      this.#timeline.at(arrives, () => {
        const back = this.#back.send(52, arrives);
        if (back !== undefined) this.#timeline.at(back, () => this.#acked(segment));
      });
    }
  }

  #acked(segment: number): void {
    const sent = this.#flying.get(segment);
    if (sent === undefined) return;
    const { now } = this.#timeline;
    this.#flying.delete(segment);
    this.#delivered++;
    const roundTripMs = now - sent.at;
    this.#smoothedMs += this.#smoothedMs === 0 ? roundTripMs : (roundTripMs - this.#smoothedMs) / 8;
    this.#highest = Math.max(this.#highest, segment);
    for (const other of this.#flying.keys()) {
      if (other > this.#highest - REORDERED_SEGMENTS) break;
      this.#flying.delete(other);
      this.#control.onLoss(other, this.#next, now);
    }
    this.#control.onAck({
      now,
      segment,
      next: this.#next,
      roundTripMs,
      smoothedMs: this.#smoothedMs,
      deliveredSince: this.#delivered - sent.delivered,
      inFlight: this.#flying.size,
    });
    this.#pump();
  }

  #watch(): void {
    const { now } = this.#timeline;
    const oldest = this.#flying.values().next();
    if (oldest.done !== true && now - oldest.value.at > this.#timeOutMs) {
      this.#flying.clear();
      this.#control.onTimeOut();
      this.#pump();
    }
    this.#timeline.at(now + TIMER_MS, () => this.#watch());
  }

  get #timeOutMs(): number {
    return Math.max(TIME_OUT_MIN_MS, 3 * this.#smoothedMs);
  }
}
