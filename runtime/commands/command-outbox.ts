import type { CommandId, Result } from '#protocol/sync-message-command.js';
import { COMMAND_LIMITS } from './limits.js';

type Answer = Omit<Result, 'kind' | 'epoch'>;

/** What is to be said of commands in one session. What it says is asked for when it leaves. */
export class CommandOutbox {
  readonly #answer: (id: CommandId) => Answer;
  #isOpen = false;
  /** Ends to be said, and when those that were said wait for RESACK since. */
  readonly #due = new Set<CommandId>();
  readonly #sentAtMs = new Map<CommandId, number>();
  /** Asked by QUERY. */
  readonly #asked = new Set<CommandId>();

  constructor(answer: (id: CommandId) => Answer) {
    this.#answer = answer;
  }

  get inFlight(): number {
    return this.#sentAtMs.size;
  }

  open(): void {
    this.close();
    this.#isOpen = true;
  }

  close(): void {
    this.#isOpen = false;
    this.#due.clear();
    this.#sentAtMs.clear();
    this.#asked.clear();
  }

  add(id: CommandId): void {
    if (!this.#isOpen) return;
    this.#sentAtMs.delete(id);
    this.#due.add(id);
  }

  ask(id: CommandId): void {
    if (this.#isOpen && this.#asked.size < COMMAND_LIMITS.answers) this.#asked.add(id);
  }

  acknowledged(id: CommandId): void {
    this.#due.delete(id);
    this.#sentAtMs.delete(id);
  }

  next(now: number): Answer | undefined {
    if (!this.#isOpen) return undefined;
    const [asked] = this.#asked;
    if (asked !== undefined) {
      this.#asked.delete(asked);
      return this.#answer(asked);
    }
    const [oldest] = this.#sentAtMs;
    if (oldest !== undefined && now >= oldest[1] + COMMAND_LIMITS.repeatMs) this.add(oldest[0]);
    const [due] = this.#due;
    if (due === undefined || this.#sentAtMs.size >= COMMAND_LIMITS.resultsInFlight)
      return undefined;
    this.#due.delete(due);
    this.#sentAtMs.set(due, now);
    return this.#answer(due);
  }

  wakeAt(): number | undefined {
    const [oldest] = this.#sentAtMs.values();
    return oldest === undefined ? undefined : oldest + COMMAND_LIMITS.repeatMs;
  }
}
