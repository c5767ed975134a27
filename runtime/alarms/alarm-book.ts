import type { Clock } from '#protocol/clock.js';
import { Refusal } from '#protocol/problem.js';
import { EdgeError } from '#protocol/errors.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayPut } from '../metamanager/transaction.js';
import type { Care, CareEvent, DeadLetter, Undelivered } from './dead-letter.js';
import { GATEWAY_ALARMS, isGatewayAlarm, isRaisedAlarm } from './gateway-alarms.js';
import type { GatewayAlarm, RaisedAlarm, RaisedAlarmCode } from './gateway-alarms.js';

export interface UndeliveredStatus {
  /** Since they were last cleared, forgotten ones too. */
  readonly total: number;
  /** The latest last. */
  readonly kept: readonly DeadLetter[];
}

/**
 * What happened at this gateway and nobody has seen yet: alarms, and the dead letters behind
 * EDGE_UNDELIVERED. Both outlive a restart, and go when a person clears them. They are written with
 * the next commit: a crash forgets the last seconds of them, not one sync is spent.
 */
export class AlarmBook implements Care {
  readonly #meta: MetaStore;
  readonly #clock: Clock;
  /** In the order in which they were last heard of. */
  readonly #letters = new Map<string, DeadLetter>();
  readonly #raised = new Map<RaisedAlarmCode, RaisedAlarm>();

  constructor(meta: MetaStore, clock: Clock) {
    this.#meta = meta;
    this.#clock = clock;
    const letters = [...meta.rows('deadLetters')].toSorted(([, a], [, b]) => a.last - b.last);
    for (const [key, letter] of letters) this.#letters.set(key, letter);
    for (const [code, row] of meta.rows('alarms'))
      if (isGatewayAlarm(code) && isRaisedAlarm(code)) this.#raised.set(code, row);
  }

  take(event: CareEvent): void {
    if (event.kind === 'raised') {
      this.#meta.commitSoon([this.#raise(event.code, event.detail, 1)]);
      return;
    }
    const last = event.letters.at(-1);
    if (last === undefined) return;
    const puts = event.letters.flatMap((letter) => this.#keep(letter));
    puts.push(this.#raise('EDGE_UNDELIVERED', wordsOf(last), event.letters.length));
    this.#meta.commitSoon(puts);
  }

  /** Alarms that happened and were not cleared. */
  raised(): readonly GatewayAlarm[] {
    return Array.from(this.#raised, ([code, raised]) => ({ code, detail: raised.detail, raised }));
  }

  undelivered(): UndeliveredStatus {
    const total = this.#raised.get('EDGE_UNDELIVERED')?.count ?? 0;
    return { total, kept: [...this.#letters.values()] };
  }

  /**
   * A person has seen it; with EDGE_UNDELIVERED the dead letters go. Resolves when durable, also
   * when there is no such alarm now. Rejects with EDGE_UNSUPPORTED for a code that no alarm has, with
   * EDGE_CONFLICT for one that goes by itself only, and with EDGE_STORAGE.
   */
  async clear(code: string, options: { readonly isDryRun: boolean }): Promise<void> {
    if (!isGatewayAlarm(code))
      throw new EdgeError('EDGE_UNSUPPORTED', `no alarm ${code.slice(0, 64)} is known`, {
        hint: `There are ${Object.keys(GATEWAY_ALARMS).join(', ')}.`,
      });
    if (!isRaisedAlarm(code))
      throw new Refusal(409, 'EDGE_CONFLICT', `${code} goes when its cause is gone`, {
        hint: `docs/errors.md says what to do about ${code}.`,
      });
    if (options.isDryRun) return;
    const puts: GatewayPut[] = [{ table: 'alarms', key: code, row: null }];
    this.#raised.delete(code);
    if (code === 'EDGE_UNDELIVERED') {
      for (const key of this.#letters.keys()) puts.push({ table: 'deadLetters', key, row: null });
      this.#letters.clear();
    }
    const durable = this.#meta.commit(puts);
    this.#meta.hurry();
    await durable;
  }

  #raise(code: RaisedAlarmCode, detail: string, times: number): GatewayPut {
    const now = this.#clock.wallTime();
    const before = this.#raised.get(code);
    const count = (before?.count ?? 0) + times;
    const row: RaisedAlarm = { count, first: before?.first ?? now, last: now, detail };
    this.#raised.set(code, row);
    return { table: 'alarms', key: code, row };
  }

  #keep(undelivered: Undelivered): GatewayPut[] {
    const { what, device, property = '' } = undelivered;
    const code = undelivered.code.slice(0, GATEWAY_LIMITS.deadLetterCodeChars);
    const key = `${what} ${device}/${property} ${code}`;
    const now = this.#clock.wallTime();
    const before = this.#letters.get(key);
    const count = (before?.count ?? 0) + 1;
    const row: DeadLetter = { ...undelivered, code, count, first: before?.first ?? now, last: now };
    this.#letters.delete(key);
    this.#letters.set(key, row);
    const puts: GatewayPut[] = [{ table: 'deadLetters', key, row }];
    for (const oldest of this.#letters.keys()) {
      if (this.#letters.size <= GATEWAY_LIMITS.deadLetters) break;
      this.#letters.delete(oldest);
      puts.push({ table: 'deadLetters', key: oldest, row: null });
    }
    return puts;
  }
}

function wordsOf({ what, device, property, code }: Undelivered): string {
  const of = [device, property].filter((name) => name !== undefined && name !== '').join(' ');
  return `${what}${of === '' ? '' : ` of ${of}`}: ${code}`;
}
