import { CongestionController } from '#tunnel/coded/congestion/controller.js';
import type { Arrival, Exchange } from '#tunnel/coded/recovery/exchange.js';
import type { Gate } from './simulated-path.js';

/** Congestion control at its place between exchange and link, wired as a session wires it. */
export class ControlledGate implements Gate {
  readonly controller: CongestionController;
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.controller = new CongestionController(exchange.path.roundTrip);
  }

  get asksAck(): boolean {
    return this.controller.asksAck;
  }

  maySend(now: number): boolean {
    return this.controller.maySend(now);
  }

  onSent(packet: { readonly number: number; readonly bytes: number }, now: number): void {
    this.controller.onSent(packet, now);
  }

  onPause(waiting: boolean): void {
    this.controller.onPause(waiting);
  }

  onTimer(now: number): void {
    this.controller.onTimer(now);
  }

  wakeAt(now: number): number {
    return this.controller.wakeAt(now);
  }

  heard({ news, times }: Arrival, now: number): void {
    if (news === undefined) return;
    const baseMs = this.controller.onAcknowledged(news, times, now);
    if (baseMs !== undefined) this.#exchange.path.rebase(baseMs);
  }
}
