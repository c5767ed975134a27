import type { CommandView } from '#cloud/fleet.js';
import type { CommandRecord } from '#cloud/store/tables.js';
import type { Gateway } from '../gateway.js';
import type { HubProgram } from '../hub.js';
import type { Breach, Checker, Checks } from './checker.js';
import { HubRows } from './rows.js';

interface Known {
  readonly acceptedMs: number;
  readonly ttlMs: number;
  end?: CommandView['state'];
}

/**
 * P4, I6: a command has at most one effect, whatever crashes or is restored, and none after its
 * time. What the hub says of its end is true and stays: done means one effect, expired none.
 */
export class Effects implements Checker {
  readonly #checks: Checks;
  readonly #known = new Map<string, Known>();
  readonly #effects = new Map<string, number>();

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  hubStarted({ fleet }: HubProgram): void {
    for (const gateway of this.#checks.world.gateways)
      for (const record of this.#records(gateway)) this.#look(record);
    fleet.watch((change) => {
      if (change.kind === 'command') this.#look(change.command);
    });
  }

  affected(id: string): void {
    const known = this.#known.get(id);
    const effects = (this.#effects.get(id) ?? 0) + 1;
    this.#effects.set(id, effects);
    this.#checks.count('effects');
    this.#checks.expect(effects === 1, 'I6 a second effect', id, { known });
    this.#checks.expect(known?.end !== 'expired', 'I6 an effect after it expired', id, { known });
    const isLate = known !== undefined && this.#now > known.acceptedMs + known.ttlMs;
    this.#checks.expect(!isLate, 'P4 an effect after its time', id, { known });
  }

  forgetHub(): void {
    this.#known.clear();
  }

  disagreement(gateways: readonly Gateway[]): Breach | undefined {
    for (const gateway of gateways) {
      for (const record of this.#records(gateway)) {
        const { state, id, ttlMs } = record;
        const known = this.#known.get(id);
        const isOver = this.#now > (known?.acceptedMs ?? 0) + ttlMs + SLACK_MS;
        if ((state === 'new' || state === 'sent') && isOver)
          return { name: 'P4 a command without an end', where: id, facts: record };
      }
      for (const [id, row] of gateway.program?.meta.rows('commands') ?? [])
        if (row.state === 'accepted')
          return { name: 'I15 a command accepted and not ended', where: id, facts: row };
    }
    return undefined;
  }

  get #now(): number {
    return this.#checks.world.clock.now();
  }

  #records({ node }: Gateway): Iterable<CommandRecord> {
    return HubRows.of(this.#checks.world, node)?.rows.all('commands').values() ?? [];
  }

  #look({ id, state, ttlMs }: Pick<CommandView, 'id' | 'state' | 'ttlMs'>): void {
    const known: Known = this.#known.get(id) ?? { acceptedMs: this.#now, ttlMs };
    this.#known.set(id, known);
    if (known.end !== undefined && known.end !== 'unknown')
      this.#checks.expect(known.end === state, 'P4 an end that changed', id, { known, state });
    if (state === 'new' || state === 'sent') {
      this.#checks.expect(known.end === undefined, 'P4 an end that was taken back', id, { known });
      return;
    }
    known.end = state;
    this.#checks.count('commandEnds');
    const effects = this.#effects.get(id) ?? 0;
    if (state === 'done')
      this.#checks.expect(effects === 1, 'I6 done without one effect', id, { effects });
    if (state === 'expired')
      this.#checks.expect(effects === 0, 'I6 expired after an effect', id, { effects });
  }
}

/** The hub looks for what is over once a second. */
const SLACK_MS = 5000;
