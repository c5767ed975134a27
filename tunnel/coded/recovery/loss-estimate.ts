import { RECOVERY } from './constants.js';

const SLOW = 1 / 256;
const FAST = 1 / 32;
const CONDITIONAL = 1 / 48;
/** Packets that are taken to have been sent before the first, and lost of them. */
const DOUBT_SAMPLES = 4;
const DOUBT_LOST = 0.2;
const DOUBT_UNTIL = 64;

export interface LossState {
  readonly slow: number;
  readonly fast: number;
  readonly conditional: number;
  readonly samples: number;
  readonly pairs: number;
}

/**
 * Loss p and conditional loss q of a path. q, the loss right after a loss, is all there is to know
 * about bursts: whether copies help, and how far apart they must be.
 */
export class LossEstimate {
  #slow = 0;
  #fast = 0;
  #conditional = 0;
  #samples = 0;
  #pairs = 0;

  /** Share of packets lost: rises within some 30 packets, falls within some hundred. */
  get loss(): number {
    const fast = this.#fast;
    const sure = fast - 1.5 * Math.sqrt(fast * (1 - fast) * FAST);
    const loss = this.#samples < 24 ? Math.min(this.#slow, sure) : Math.max(this.#slow, sure);
    return Math.min(RECOVERY.lossMax, Math.max(0, loss));
  }

  /**
   * The same with some doubt about a path of which little is known: for what is not to wait until
   * more is. A dozen packets that arrive disperse it.
   */
  get cautiousLoss(): number {
    const doubt = (this.#slow * this.#samples + DOUBT_LOST) / (this.#samples + DOUBT_SAMPLES);
    return this.#samples < DOUBT_UNTIL ? Math.max(this.loss, doubt) : this.loss;
  }

  /** Share of packets lost of those sent within 40 ms of a lost one; `loss` if that is no more. */
  get conditionalLoss(): number {
    const { loss } = this;
    if (this.#pairs < 4) return loss;
    const spread = Math.max(0.01, this.#conditional * (1 - this.#conditional));
    const error = Math.sqrt(spread / Math.min(1 / CONDITIONAL, this.#pairs + 1));
    const sure = Math.max(loss, this.#conditional - error);
    return sure < 1.6 * loss + 0.02 ? loss : sure;
  }

  /** One packet's fate; `after`: milliseconds since the packet before it and that one's fate. */
  packet(lost: boolean, after?: { readonly sinceMs: number; readonly lost: boolean }): void {
    const outcome = lost ? 1 : 0;
    this.#samples++;
    this.#slow += Math.max(SLOW, 1 / this.#samples) * (outcome - this.#slow);
    this.#fast += Math.max(FAST, 1 / this.#samples) * (outcome - this.#fast);
    const { min, max } = RECOVERY.pairMs;
    if (after?.lost !== true || after.sinceMs < min || after.sinceMs > max) return;
    this.#pairs++;
    const weight = Math.max(CONDITIONAL, 1 / (this.#pairs + 4));
    this.#conditional += weight * (outcome - this.#conditional);
  }

  state(): LossState {
    return {
      slow: this.#slow,
      fast: this.#fast,
      conditional: this.#conditional,
      samples: this.#samples,
      pairs: this.#pairs,
    };
  }

  /** Starts from a former session's state, with weight `samples` at most. */
  restore(state: LossState, samplesMax: number): void {
    this.#slow = state.slow;
    this.#fast = state.fast;
    this.#conditional = state.conditional;
    this.#samples = Math.min(state.samples, samplesMax);
    this.#pairs = Math.min(state.pairs, samplesMax);
  }
}
