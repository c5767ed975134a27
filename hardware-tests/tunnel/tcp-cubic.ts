import type { TcpAck, TcpControl } from './tcp-flow.js';

const C = 0.4;
const BETA = 0.7;

/** Cubic (RFC 9438) with its Reno-friendly region, no HyStart. */
export class TcpCubic implements TcpControl {
  readonly pace = undefined;
  #window = 10;
  #slowStart = true;
  #largest = 0;
  #reno = 10;
  #epoch: number | undefined;
  #recoversAt = -1;

  get window(): number {
    return this.#window;
  }

  onAck({ now }: TcpAck): void {
    if (this.#slowStart) {
      this.#window++;
      return;
    }
    if (this.#epoch === undefined) this.#begin(now, this.#window);
    const seconds = (now - (this.#epoch ?? now)) / 1_000;
    const inflection = Math.cbrt((this.#largest * (1 - BETA)) / C);
    this.#reno += (3 * (1 - BETA)) / (1 + BETA) / this.#window;
    const aim = Math.max(C * (seconds - inflection) ** 3 + this.#largest, this.#reno);
    if (aim > this.#window) this.#window = Math.min(aim, this.#window + 0.5);
  }

  onLoss(segment: number, next: number, now: number): void {
    if (segment <= this.#recoversAt) return;
    this.#recoversAt = next - 1;
    this.#slowStart = false;
    const largest = this.#window;
    this.#window = Math.max(2, this.#window * BETA);
    this.#begin(now, largest);
  }

  onTimeOut(): void {
    this.#largest = this.#window;
    this.#window = 2;
    this.#slowStart = false;
    this.#epoch = undefined;
  }

  #begin(now: number, largest: number): void {
    this.#epoch = now;
    this.#largest = largest;
    this.#reno = this.#window;
  }
}
