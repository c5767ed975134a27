import type { CommandId, Query, Resack, Result } from '#protocol/sync-message-command.js';
import type { Command } from '#protocol/sync-message-command.js';
import type { Value } from '#protocol/twin.js';
import type { CommandEndState, CommandRow } from '../metamanager/tables.js';
import { CommandOutbox } from './command-outbox.js';
import { COMMAND_LIMITS } from './limits.js';

/** How a command ended. */
export interface CommandEnding {
  readonly state: CommandEndState;
  readonly value?: Value;
  readonly code?: string;
  readonly detail?: string;
}

/** A command that may run now. */
export interface CommandJob {
  readonly message: Command;
  /** Own monotonic milliseconds: after it, no effect. */
  readonly notAfterMs: number;
}

export type CommandRows = readonly (readonly [CommandId, CommandRow | null])[];

export type CommandEffect =
  /** Make the rows durable; tell `durable`. Once: tell `refused` when the storage does. */
  | { readonly kind: 'commit'; readonly rows: CommandRows; readonly once: boolean }
  /** With the next commit; their loss costs a repetition. */
  | { readonly kind: 'commit-soon'; readonly rows: CommandRows }
  /** ACCEPTED is durable: have the effect, then tell `ended`. */
  | { readonly kind: 'run'; readonly job: CommandJob };

/**
 * Commands at the gateway (docs/sync-protocol.md section 4.6): at most one effect for an id, for
 * the process that accepted it, never after its time. Events give effects, nothing else happens;
 * a new machine is a new process.
 */
export class CommandMachine {
  readonly counters = {
    accepted: 0,
    done: 0,
    failed: 0,
    expired: 0,
    unknown: 0,
    repeated: 0,
    refused: 0,
    resultsSent: 0,
    resultsAcknowledged: 0,
  };
  readonly #rows: Map<CommandId, CommandRow>;
  /** Ids whose row is not durable yet: nothing is said of them. */
  readonly #volatile = new Set<CommandId>();
  readonly #jobs = new Map<CommandId, CommandJob>();
  /** When the acknowledgement of a row was known here. */
  readonly #sinceMs = new Map<CommandId, number>();
  /** Refused without a row, because there is no room: true for as long as this process lives. */
  readonly #refused = new Set<CommandId>();
  readonly #outbox = new CommandOutbox((id) => this.#answer(id));
  #n = 0;

  constructor(rows: Iterable<readonly [CommandId, CommandRow]>, now: number) {
    this.#rows = new Map([...rows].sort(([, a], [, b]) => a.n - b.n));
    for (const [id, row] of this.#rows) {
      this.#n = row.n;
      if (row.acknowledged === true) this.#sinceMs.set(id, now);
    }
  }

  /** Process start: nothing that an earlier process accepted is ever run. */
  start(): readonly CommandEffect[] {
    const lost = [...this.#rows].filter(([, row]) => row.state === 'accepted');
    if (lost.length === 0) return [];
    const rows = lost.map(([id, row]) => {
      const detail = 'The gateway stopped between accepting the command and recording its end.';
      return [id, this.#put(id, row, { state: 'unknown', ...UNKNOWN, detail })] as const;
    });
    return [{ kind: 'commit', rows, once: false }];
  }

  /** `refusal`: why it cannot be done here at all. `notAfterMs`: on this machine's clock. */
  command(
    message: Command,
    notAfterMs: number,
    refusal: CommandEnding | undefined,
    now: number,
  ): readonly CommandEffect[] {
    const { command: id, ttlMs } = message;
    if (this.#rows.has(id) || this.#refused.has(id)) {
      this.counters.repeated++;
      this.#say(id);
      return [];
    }
    const forgotten = this.#makeRoom(now);
    if (this.#rows.size >= COMMAND_LIMITS.keptMax) {
      this.#refuse(id);
      return forgotten;
    }
    const row: CommandRow = { n: ++this.#n, state: 'accepted', ttlMs };
    const ending = refusal ?? this.#judge(notAfterMs, now);
    if (ending !== undefined) return [...forgotten, this.#end(id, row, ending)];
    this.counters.accepted++;
    this.#jobs.set(id, { message, notAfterMs });
    const rows = [[id, this.#put(id, row, row)]] as const;
    return [...forgotten, { kind: 'commit', rows, once: true }];
  }

  query({ command }: Query): void {
    this.#outbox.ask(command);
  }

  resack({ command: id }: Resack, now: number): readonly CommandEffect[] {
    this.#outbox.acknowledged(id);
    const row = this.#rows.get(id);
    if (row === undefined || row.acknowledged === true || !this.#isFinal(id)) return [];
    const { n, state, ttlMs, code } = row;
    const kept = { n, state, ttlMs, ...(code === undefined ? {} : { code }), acknowledged: true };
    this.counters.resultsAcknowledged++;
    this.#rows.set(id, kept as CommandRow);
    this.#sinceMs.set(id, now);
    return [{ kind: 'commit-soon', rows: [[id, kept as CommandRow]] }];
  }

  durable(rows: CommandRows): readonly CommandEffect[] {
    return rows.flatMap(([id, row]): readonly CommandEffect[] => {
      if (row === null || this.#rows.get(id) !== row) return [];
      this.#volatile.delete(id);
      if (row.state !== 'accepted') {
        this.#outbox.add(id);
        return [];
      }
      const job = this.#jobs.get(id);
      return job === undefined ? [] : [{ kind: 'run', job }];
    });
  }

  /** ACCEPTED may or may not survive: it is not run, so either way that is true. */
  refused(rows: CommandRows): readonly CommandEffect[] {
    return rows.flatMap(([id, row]) => {
      if (row?.state !== 'accepted' || this.#rows.get(id) !== row) return [];
      const detail = 'The gateway cannot store anything now.';
      return [this.#end(id, row, { state: 'failed', code: 'EDGE_STORAGE', detail })];
    });
  }

  ended(id: CommandId, ending: CommandEnding): readonly CommandEffect[] {
    const row = this.#rows.get(id);
    return row?.state === 'accepted' ? [this.#end(id, row, ending)] : [];
  }

  /** A session begins, whose hub understands commands: every result it has not acknowledged. */
  open(): void {
    this.#outbox.open();
    for (const [id, row] of this.#rows)
      if (row.acknowledged !== true && this.#isFinal(id)) this.#outbox.add(id);
  }

  close(): void {
    this.#outbox.close();
  }

  next(epoch: number, now: number): Result | undefined {
    const result = this.#outbox.next(now);
    if (result === undefined) return undefined;
    this.counters.resultsSent++;
    return { kind: 'result', epoch, ...result };
  }

  wakeAt(): number | undefined {
    return this.#outbox.wakeAt();
  }

  /** RESULTs without RESACK. */
  get inFlight(): number {
    return this.#outbox.inFlight;
  }

  /** Commands that wait or run. */
  get openCommands(): number {
    return this.#jobs.size;
  }

  /** Ids remembered. */
  get kept(): number {
    return this.#rows.size;
  }

  #judge(notAfterMs: number, now: number): CommandEnding | undefined {
    if (now > notAfterMs)
      return { state: 'expired', ...EXPIRED, detail: 'It arrived after its time.' };
    if (this.#jobs.size < COMMAND_LIMITS.open) return undefined;
    const detail = `${COMMAND_LIMITS.open} commands wait at this gateway already.`;
    return { state: 'failed', code: 'EDGE_LIMIT', detail };
  }

  #end(id: CommandId, row: CommandRow, ending: CommandEnding): CommandEffect {
    this.#jobs.delete(id);
    return { kind: 'commit', rows: [[id, this.#put(id, row, ending)]], once: false };
  }

  #put(id: CommandId, { n, ttlMs }: CommandRow, end: CommandEnding | CommandRow): CommandRow {
    const { state, value, code, detail } = end;
    const row: CommandRow = {
      ...{ n, state, ttlMs },
      ...(value === undefined ? {} : { value }),
      ...(code === undefined ? {} : { code }),
      ...(detail === undefined ? {} : { detail }),
    };
    if (state !== 'accepted') this.counters[state]++;
    this.#rows.set(id, row);
    this.#volatile.add(id);
    return row;
  }

  #isFinal(id: CommandId): boolean {
    const state = this.#rows.get(id)?.state ?? 'accepted';
    return state !== 'accepted' && !this.#volatile.has(id);
  }

  /** Of a command that is known: its end, if it is durable, is said again. */
  #say(id: CommandId): void {
    if (this.#refused.has(id) || this.#isFinal(id)) this.#outbox.add(id);
  }

  #answer(id: CommandId): Omit<Result, 'kind' | 'epoch'> {
    const row = this.#rows.get(id);
    if (this.#refused.has(id)) return { command: id, ...FULL };
    if (row === undefined) return { command: id, state: 'never-seen' };
    if (row.state === 'accepted' || this.#volatile.has(id))
      return { command: id, state: 'running' };
    const { state, value, code, detail } = row;
    return {
      ...{ command: id, state },
      ...(value === undefined ? {} : { value }),
      ...(code === undefined ? {} : { code }),
      ...(detail === undefined ? {} : { detail }),
    };
  }

  /** The oldest that the hub has acknowledged, and whose time is over for whoever sends it again. */
  #makeRoom(now: number): readonly CommandEffect[] {
    if (this.#rows.size < COMMAND_LIMITS.kept) return [];
    for (const [id, { ttlMs }] of this.#rows) {
      const sinceMs = this.#sinceMs.get(id);
      if (sinceMs === undefined || now - sinceMs <= ttlMs) continue;
      this.#rows.delete(id);
      this.#sinceMs.delete(id);
      return [{ kind: 'commit-soon', rows: [[id, null]] }];
    }
    return [];
  }

  #refuse(id: CommandId): void {
    this.counters.refused++;
    if (this.#refused.size >= COMMAND_LIMITS.refused) return;
    this.#refused.add(id);
    this.#outbox.add(id);
  }
}

const UNKNOWN = { code: 'EDGE_EFFECT_UNKNOWN' } as const;
const EXPIRED = { code: 'EDGE_EXPIRED' } as const;
const FULL = {
  state: 'failed',
  code: 'EDGE_LIMIT',
  detail: 'The gateway remembers as many commands as it can and may not forget one yet.',
} as const;
