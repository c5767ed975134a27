import type { JournalPosition } from './snapshot.js';

/** Transactions that share one write, one sync and one promise. */
export class CommitGroup {
  readonly payloads: string[] = [];
  payloadBytes = 0;
  /** Where the journal ended behind this group; set when `durable` resolves. */
  end: JournalPosition | undefined;
  readonly durable: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;

  constructor() {
    const { promise, resolve, reject } = withResolvers();
    this.durable = promise;
    this.resolve = resolve;
    this.reject = reject;
    // Whoever ignores the promise of a commit still finds the refusal in `stats().alarm`.
    promise.catch(() => undefined);
  }

  /** Takes one more record along, after the group has left the queue. */
  join(payload: string | undefined): void {
    if (payload === undefined) return;
    this.payloads.push(payload);
    this.payloadBytes += Buffer.byteLength(payload);
  }
}

/** Groups that wait for their sync, in commit order. */
export class CommitQueue {
  readonly #groupBytes: number;
  #groups: CommitGroup[] = [];
  #open = false;
  #bytes = 0;

  /** `groupBytes`: a group gets no more, unless it is one transaction. */
  constructor(groupBytes: number) {
    this.#groupBytes = groupBytes;
  }

  get groups(): number {
    return this.#groups.length;
  }

  /** Bytes of JSON that wait; a group that is being written does not wait any more. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  get newest(): CommitGroup | undefined {
    return this.#groups.at(-1);
  }

  add(payload: string, bytes: number): CommitGroup {
    let group = this.newest;
    const full = (group?.payloadBytes ?? 0) + bytes > this.#groupBytes;
    if (group === undefined || !this.#open || full) this.#groups.push((group = new CommitGroup()));
    this.#open = true;
    group.payloads.push(payload);
    group.payloadBytes += bytes;
    this.#bytes += bytes;
    return group;
  }

  /** Later transactions start a new group. */
  seal(): void {
    this.#open = false;
  }

  take(): CommitGroup | undefined {
    const group = this.#groups.shift();
    if (group !== undefined) this.#bytes -= group.payloadBytes;
    return group;
  }

  rejectAll(reason: Error): void {
    const groups = this.#groups;
    this.#groups = [];
    this.#bytes = 0;
    for (const group of groups) group.reject(reason);
  }
}

function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (reason: Error) => void;
} {
  let resolve: () => void = () => undefined;
  let reject: (reason: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
