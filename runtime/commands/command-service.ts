import { sleep } from '#protocol/clock.js';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { SyncMessage, Welcome } from '#protocol/sync-message.js';
import type { Priority } from '#tunnel/transport.js';
import type { Channel } from '../edgehub/channel.js';
import { GATEWAY_LIMITS } from '../limits.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import type { GatewayPut } from '../metamanager/transaction.js';
import { CommandMachine } from './command-machine.js';
import type { CommandEffect, CommandJob, CommandRows } from './command-machine.js';
import type { CommandRunner } from './command-runner.js';

export interface CommandServiceOptions {
  readonly meta: Pick<MetaStore, 'rows' | 'commit' | 'commitSoon' | 'hurry'>;
  readonly runner: Pick<CommandRunner, 'refusal' | 'run'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What HELLO lists and WELCOME confirms. */
export const COMMANDS_FEATURE = 'commands';

/** The shell of the CommandMachine: a channel of the session above, store and mappers below. */
export class CommandService implements Channel {
  readonly feature = COMMANDS_FEATURE;
  readonly #options: CommandServiceOptions;
  readonly #log: Log;
  readonly #machine: CommandMachine;
  readonly #stopping = new AbortController();
  #clockOffsetMs = 0;
  #ready: () => void = () => undefined;

  constructor(options: CommandServiceOptions) {
    const { meta, clock, log } = options;
    this.#options = options;
    this.#log = log.child('commands');
    this.#machine = new CommandMachine(meta.rows('commands'), clock.now());
    this.#perform(this.#machine.start());
  }

  begin(welcome: Welcome, clockOffsetMs: number): void {
    this.#clockOffsetMs = clockOffsetMs;
    if (welcome.features.includes(this.feature)) this.#machine.open();
  }

  end(): void {
    this.#machine.close();
  }

  receive(message: SyncMessage, now: number): boolean {
    switch (message.kind) {
      case 'command': {
        const { issuedMs, ttlMs } = message;
        const notAfterMs = issuedMs + ttlMs - this.#clockOffsetMs;
        const refusal = this.#options.runner.refusal(message);
        this.#perform(this.#machine.command(message, notAfterMs, refusal, now));
        return true;
      }
      case 'query':
        this.#machine.query(message);
        return true;
      case 'resack':
        this.#perform(this.#machine.resack(message, now));
        return true;
      default:
        return false;
    }
  }

  next(epoch: number, now: number): { message: SyncMessage; priority: Priority } | undefined {
    const message = this.#machine.next(epoch, now);
    return message === undefined ? undefined : { message, priority: 'control' };
  }

  wakeAt(): number | undefined {
    return this.#machine.wakeAt();
  }

  get inFlight(): number {
    return this.#machine.inFlight;
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  status(): CommandStatus {
    const { openCommands: open, kept, counters } = this.#machine;
    return { open, kept, counters: { ...counters } };
  }

  /** What has not ended by then is unknown to the next process. */
  stop(): void {
    this.#stopping.abort();
  }

  #perform(effects: readonly CommandEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'commit-soon') this.#options.meta.commitSoon(putsOf(effect.rows));
      else if (effect.kind === 'run') void this.#run(effect.job);
      else if (effect.once) void this.#tryOnce(effect.rows);
      else void this.#eventually(effect.rows);
    }
  }

  async #run(job: CommandJob): Promise<void> {
    const { command, device, method } = job.message;
    const ending = await this.#options.runner.run(job);
    const { state, code } = ending;
    this.#log.info('command-ended', { command, device, method, state, code });
    this.#perform(this.#machine.ended(command, ending));
  }

  async #tryOnce(rows: CommandRows): Promise<void> {
    const durable = await this.#commit(rows);
    this.#perform(durable ? this.#machine.durable(rows) : this.#machine.refused(rows));
  }

  /** An end is true and stays: it is said when the storage takes it. */
  async #eventually(rows: CommandRows): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    while (!(await this.#commit(rows))) {
      await sleep(clock, 'command-storage', GATEWAY_LIMITS.storageRetryMs, signal);
      if (signal.aborted) return;
    }
    this.#perform(this.#machine.durable(rows));
    this.#ready();
  }

  /** False when the storage refuses it. */
  async #commit(rows: CommandRows): Promise<boolean> {
    try {
      const durable = this.#options.meta.commit(putsOf(rows));
      this.#options.meta.hurry();
      await durable;
      return true;
    } catch (thrown) {
      const error = EdgeError.from(thrown, 'EDGE_STORAGE');
      this.#log.warn('command-not-durable', { commands: rows.length, error });
      return false;
    }
  }
}

export interface CommandStatus {
  /** Commands that wait or run. */
  readonly open: number;
  /** Ids remembered. */
  readonly kept: number;
  readonly counters: Readonly<Record<string, number>>;
}

function putsOf(rows: CommandRows): GatewayPut[] {
  return rows.map(([key, row]) => ({ table: 'commands', key, row }));
}
