import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import type { Storage } from './storage-port.js';
import { type CommitGroup, CommitQueue } from './commit-queue.js';
import { Journal } from './journal.js';
import { JOURNAL_LIMITS } from './limits.js';
import type { Recovered } from './recovery.js';
import type { FrozenTables } from './row-tables.js';
import { RetryDelay } from './retry-delay.js';
import { SnapshotKeeper } from './snapshot-keeper.js';

export interface DurabilityOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly segmentBytes: number;
  /** How long the first of a group may wait for others now. */
  readonly windowMs: () => number;
  readonly waitingBytesMax: number;
  /** A record of the store's own for a group that goes out anyway. */
  readonly rider: (last?: boolean) => string | undefined;
}

/**
 * Makes transactions durable: group commit, new segments, snapshots, and the alarm with its way
 * back. In alarm nothing is written to the journal that failed; a new chain of segments with a
 * snapshot of everything in memory takes its place.
 */
export class Durability {
  readonly #storage: Storage;
  readonly #options: DurabilityOptions;
  readonly #freeze: () => FrozenTables;
  readonly #keeper: SnapshotKeeper;
  readonly #queue: CommitQueue;
  readonly #stop = new AbortController();
  #journal: Journal | undefined;
  /** Highest number of a segment so far, one included that an attempt may have left. */
  #segment: number;
  #sinceSnapshot: number;
  #alarm: EdgeError | undefined;
  #warning: EdgeError | undefined;
  #inFlight: CommitGroup | undefined;
  #draining: Promise<void> | undefined;
  #hurry: (() => void) | undefined;
  #job: Promise<void> | undefined;
  #retry: Timer | undefined;
  readonly #retryDelay = new RetryDelay();
  /** Damaged files of which copies are to be kept before the files are removed. */
  #aside: readonly string[] = [];
  /** Someone waits for a barrier: the next group goes out at once. */
  #urgent = false;
  /** In alarm, while a new chain is made: what follows its snapshot is collected, or too much. */
  #following: 'no' | 'yes' | 'too-much' = 'no';

  constructor(
    storage: Storage,
    options: DurabilityOptions,
    freeze: () => FrozenTables,
    found: Recovered,
  ) {
    this.#storage = storage;
    this.#queue = new CommitQueue(groupBytes(options.segmentBytes));
    this.#options = options;
    this.#freeze = freeze;
    this.#keeper = new SnapshotKeeper(
      storage,
      options.segmentBytes,
      options.log,
      found.state?.snapshot,
    );
    this.#segment = found.segment;
    this.#sinceSnapshot = found.state?.report.bytes ?? 0;
  }

  /** Why durability is refused right now. */
  get alarm(): EdgeError | undefined {
    return this.#alarm;
  }

  /** Why the last snapshot failed, while the journal still takes transactions. */
  get warning(): EdgeError | undefined {
    return this.#warning;
  }

  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  get journalBytes(): number {
    return this.#sinceSnapshot;
  }

  get snapshots(): number {
    return this.#keeper.taken;
  }

  /** Never rejects: a storage that cannot be written puts it in alarm. */
  async open({ state, orphans }: Recovered): Promise<void> {
    this.#aside = state?.aside ?? [];
    try {
      await this.#keeper.prepare(orphans);
      if (state?.soundJournal !== true) {
        await this.#beginChain();
        // A second one, so that this chain, too, may lose one.
        if (state === undefined) await this.#takeSnapshot();
        else this.#housekeep(true);
        return;
      }
      const { segmentBytes, random } = this.#options;
      this.#segment += 1;
      this.#journal = await Journal.resume(this.#storage, random, segmentBytes, state.tail);
      this.#segment = this.#journal.position.segment;
      if (this.#aside.length > 0 || this.#snapshotDue()) this.#housekeep(true);
    } catch (thrown) {
      this.#raiseAlarm(EdgeError.from(thrown, 'EDGE_STORAGE'));
    }
  }

  /** Resolves when the transaction, which is in memory already, is durable. */
  write(payload: string, bytes: number): Promise<void> {
    if (this.#alarm !== undefined) {
      if (this.#following === 'yes') this.#follow(payload, bytes);
      return refused(this.#alarm);
    }
    const group = this.#queue.add(payload, bytes);
    if (this.#queue.groups > 1) this.#hurry?.();
    this.#drainSoon();
    return group.durable;
  }

  /** Resolves when everything before it is durable, and waits for no window. */
  barrier(): Promise<void> {
    if (this.#alarm !== undefined) return refused(this.#alarm);
    const group = this.#queue.newest ?? this.#inFlight;
    this.#urgent = this.#queue.newest !== undefined;
    this.#hurry?.();
    return group?.durable ?? Promise.resolve();
  }

  async close(reason: EdgeError): Promise<void> {
    this.#stop.abort(reason);
    this.#hurry?.();
    this.#retry?.cancel();
    await this.#draining;
    await this.#job;
    this.#retry?.cancel();
    this.#queue.rejectAll(reason);
    await this.#sayClosed();
    await this.#closeJournal();
  }

  /** The last group of an orderly end: damage of any group before it can be told from a cut. */
  async #sayClosed(): Promise<void> {
    const journal = this.#journal;
    const payloads = [this.#options.rider(true) ?? '', CLOSED].filter((text) => text !== '');
    const bytes = payloads.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (journal?.fits(payloads.length, bytes) !== true) return;
    await journal.append(payloads, bytes).catch((thrown: unknown) => {
      this.#options.log.warn('closing-not-recorded', { error: thrown });
    });
  }

  #drainSoon(): void {
    if (this.#draining !== undefined || this.#journal === undefined) return;
    this.#draining = this.#drain(this.#journal);
  }

  async #drain(journal: Journal): Promise<void> {
    // Lets the rest of this turn join the first group.
    await Promise.resolve();
    try {
      for (;;) {
        await this.#window();
        const group = this.#queue.take();
        if (group === undefined) break;
        this.#inFlight = group;
        group.join(this.#options.rider());
        await this.#append(journal, group);
        group.end = journal.position;
        group.resolve();
        this.#inFlight = undefined;
      }
    } catch (thrown) {
      this.#raiseAlarm(EdgeError.from(thrown, 'EDGE_STORAGE'));
    }
    this.#inFlight = undefined;
    this.#draining = undefined;
  }

  /** Waits until the oldest group may go out. */
  async #window(): Promise<void> {
    const { clock } = this.#options;
    const windowMs = this.#options.windowMs();
    const urgent = this.#urgent || this.#stop.signal.aborted;
    this.#urgent = false;
    if (windowMs <= 0 || urgent || this.#queue.groups !== 1) return;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer('journal-window', windowMs, resolve);
      this.#hurry = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#hurry = undefined;
    this.#urgent = false;
  }

  async #append(journal: Journal, group: CommitGroup): Promise<void> {
    if (!journal.fits(group.payloads.length, group.payloadBytes)) {
      this.#checkSegments();
      // Before it is tried: the old segment may already say that the new one follows it.
      this.#segment += 1;
      await journal.rotate();
      this.#housekeep();
    }
    this.#sinceSnapshot += await journal.append(group.payloads, group.payloadBytes);
  }

  /** Bounds the disk when snapshots fail for ever. */
  #checkSegments(): void {
    const { segmentBytes } = this.#options;
    const inUse = this.#segment - (this.#keeper.firstSegment ?? this.#segment);
    const usual = Math.ceil((this.#keeper.bytes / segmentBytes) * 2);
    if (inUse <= JOURNAL_LIMITS.segmentsMax + usual) return;
    throw new EdgeError('EDGE_STORAGE', `${inUse} journal segments wait for a snapshot`, {
      cause: this.#warning,
      ...(this.#warning?.hint === undefined ? {} : { hint: this.#warning.hint }),
    });
  }

  /** In the background: a snapshot when the journal has grown enough, then a spare segment. */
  #housekeep(force = false): void {
    if (this.#job !== undefined || this.#alarm !== undefined || this.#stop.signal.aborted) return;
    const snapshot = force || this.#snapshotDue();
    this.#run(async () => {
      if (snapshot) await this.#takeSnapshot();
      await this.#tidy();
    });
  }

  /** Counted in segments: a snapshot larger than one waits until the journal is as large. */
  #snapshotDue(): boolean {
    const { segmentBytes } = this.#options;
    return this.#sinceSnapshot >= Math.max(segmentBytes, this.#keeper.bytes) - segmentBytes / 2;
  }

  async #takeSnapshot(): Promise<void> {
    const tables = this.#freeze();
    this.#queue.seal();
    const pending = this.#queue.newest ?? this.#inFlight;
    const before = this.#sinceSnapshot;
    let position = this.#journal?.position;
    try {
      await this.#setAside();
      if (pending !== undefined) {
        await pending.durable;
        position = pending.end;
      }
      if (position === undefined) return;
      await this.#keeper.take(position, tables, this.#stop.signal, false);
      this.#sinceSnapshot -= before;
      this.#warning = undefined;
    } catch (thrown) {
      if (this.#alarm !== undefined || this.#stop.signal.aborted) return;
      this.#warning = EdgeError.from(thrown, 'EDGE_STORAGE');
      this.#options.log.warn('snapshot-failed', { error: this.#warning });
      this.#retryLater(this.#warning, () => this.#housekeep(true));
    }
  }

  async #setAside(): Promise<void> {
    if (this.#aside.length === 0) return;
    await this.#keeper.setAside(this.#aside);
    this.#aside = [];
  }

  async #tidy(): Promise<void> {
    if (this.#aside.length > 0) return;
    const journal = this.#journal;
    const ready = await this.#keeper.tidy(this.#stop.signal);
    if (ready && journal === this.#journal) journal?.offerSpare();
  }

  #raiseAlarm(error: EdgeError): void {
    this.#alarm = error;
    this.#options.log.error('durability-refused', { error });
    this.#inFlight?.reject(error);
    this.#queue.rejectAll(error);
    void this.#closeJournal();
    this.#retryLater(error, () => this.#rejoin());
  }

  #retryLater(error: EdgeError, again: () => void): void {
    const { clock } = this.#options;
    this.#retry?.cancel();
    if (this.#stop.signal.aborted) return;
    const delayMs = this.#retryDelay.after(error, clock.now());
    this.#retry = clock.setTimer('journal-retry', delayMs, again);
  }

  /** Tries to leave the alarm, once the job under way has ended. */
  #rejoin(): void {
    if (this.#job !== undefined) {
      void this.#job.then(() => this.#rejoin());
      return;
    }
    if (this.#stop.signal.aborted) return;
    this.#run(async () => {
      try {
        await this.#beginChain();
      } catch (thrown) {
        const error = EdgeError.from(thrown, 'EDGE_STORAGE');
        this.#options.log.debug('durability-still-refused', { error });
        this.#retryLater(error, () => this.#rejoin());
        return;
      }
      this.#options.log.info('durability-restored');
      if (this.#queue.newest !== undefined) this.#drainSoon();
      // A second one, so that this chain, too, may lose one.
      await this.#takeSnapshot();
      await this.#tidy();
    });
  }

  /** A new chain of segments behind a snapshot of what is in memory now; ends the alarm. */
  async #beginChain(): Promise<void> {
    const { random, segmentBytes } = this.#options;
    const tables = this.#freeze();
    this.#following = 'yes';
    this.#segment += 1;
    let journal: Journal | undefined;
    try {
      await this.#setAside();
      journal = await Journal.begin(this.#storage, random, segmentBytes, this.#segment);
      await this.#keeper.take(journal.position, tables, this.#stop.signal, true);
      if (this.#followedTooMuch()) throw tooMuch();
    } catch (thrown) {
      this.#following = 'no';
      this.#queue.rejectAll(EdgeError.from(thrown));
      await journal?.close().catch(() => undefined);
      throw thrown;
    }
    // In one turn: what is committed from here on waits in the queue like any other.
    this.#following = 'no';
    this.#sinceSnapshot = 0;
    this.#journal = journal;
    this.#alarm = undefined;
    this.#warning = undefined;
  }

  #followedTooMuch(): boolean {
    return this.#following === 'too-much';
  }

  /** Nobody waits for these, but the new chain needs them behind its snapshot. */
  #follow(payload: string, bytes: number): void {
    if (this.#queue.waitingBytes + bytes > this.#options.waitingBytesMax) {
      this.#following = 'too-much';
      this.#queue.rejectAll(tooMuch());
      return;
    }
    this.#queue.add(payload, bytes);
  }

  #run(job: () => Promise<void>): void {
    this.#job = job().finally(() => {
      this.#job = undefined;
    });
  }

  async #closeJournal(): Promise<void> {
    const journal = this.#journal;
    this.#journal = undefined;
    await journal?.close().catch(() => undefined);
  }
}

const CLOSED = '{"closed":true}';

/** A group fits into an empty segment with much room, whatever its records' heads take. */
function groupBytes(segmentBytes: number): number {
  return Math.min(JOURNAL_LIMITS.groupBytes, segmentBytes / 4);
}

function refused(alarm: EdgeError): Promise<never> {
  const promise = Promise.reject(alarm);
  promise.catch(() => undefined);
  return promise;
}

function tooMuch(): EdgeError {
  return new EdgeError('EDGE_LIMIT', 'more was committed than may wait while a snapshot was made');
}
