import type { ByeReason, SyncMessage } from '#protocol/sync-message.js';
import type { Undelivered } from '../alarms/dead-letter.js';
import type { RaisedAlarmCode } from '../alarms/gateway-alarms.js';
import type { CloseCode, Priority } from '#tunnel/transport.js';
import type { HubEvent } from '../devicetwin/twin-event.js';
import type { Pending } from './session.js';
import type { SyncEffect } from './sync-event.js';

/** The effects of one step, and what waits for those that are answered by a token. */
export class EffectList {
  #effects: SyncEffect[] = [];
  #pending = new Map<number, Pending>();
  #token = 0;

  /** How many commits and readings are waited for. */
  get waiting(): number {
    return this.#pending.size;
  }

  take(): readonly SyncEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  send(message: SyncMessage, priority: Priority): void {
    this.#effects.push({ kind: 'send', message, priority });
  }

  /** With `pending`, the commit of `event` is told by a token. */
  apply(event: HubEvent, pending?: Pending): void {
    const token = pending === undefined ? 0 : this.#expect(pending);
    this.#effects.push({ kind: 'apply', event, token });
  }

  applySoon(event: HubEvent & { readonly kind: 'acknowledged' | 'confirmed' }): void {
    this.#effects.push({ kind: 'apply-soon', event });
  }

  askDigests(pending: Pending): void {
    this.#effects.push({ kind: 'digest', token: this.#expect(pending) });
  }

  askAdoptable(pending: Pending): void {
    this.#effects.push({ kind: 'adoption', token: this.#expect(pending) });
  }

  close(code: CloseCode, detail: string, bye?: ByeReason): void {
    const reason = bye === undefined ? {} : { bye };
    this.#effects.push({ kind: 'close', code, detail, ...reason });
  }

  notice(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#effects.push({ kind: 'notice', event, fields });
  }

  undelivered(letters: readonly Undelivered[]): void {
    if (letters.length > 0)
      this.#effects.push({ kind: 'care', event: { kind: 'undelivered', letters } });
  }

  raise(code: RaisedAlarmCode, detail: string): void {
    this.#effects.push({ kind: 'care', event: { kind: 'raised', code, detail } });
  }

  /** What waited for this token, once. */
  settle(token: number): Pending | undefined {
    const pending = this.#pending.get(token);
    this.#pending.delete(token);
    return pending;
  }

  /** The session is over: nothing of it waits any more. */
  forget(): void {
    this.#pending.clear();
  }

  #expect(pending: Pending): number {
    this.#pending.set(++this.#token, pending);
    return this.#token;
  }
}
