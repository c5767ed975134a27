import { createHash } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Put, Store } from '#journal/store.js';
import { chainOf } from './audit-document.js';
import { AUDIT_LIMITS } from './limits.js';
import type { AuditLimits } from './limits.js';
import { auditKey } from './tables.js';
import type { AuditEntry, AuditHead, AuditRecord, AuditTables } from './tables.js';

export interface AuditPage {
  readonly records: readonly AuditRecord[];
  /** Ask for the next page with `after` this number. */
  readonly next?: number;
}

export interface AuditQuestion {
  /** Number of the last record that was seen; 0: from the oldest on. */
  readonly after: number;
  /** Records on a page. */
  readonly limit: number;
  /** Wall time, milliseconds since 1970. */
  readonly sinceMs?: number;
  readonly actor?: string;
  readonly node?: string;
}

/** Records that one question looks at, so that an answer cannot hold up the hub. */
const LOOKED_AT_MAX = 5_000;
const EMPTY: AuditHead = { first: 1, next: 1, chars: 0, chain: '' };

/** What an interface needs that only writes to the trail. */
export type Audit = Pick<AuditTrail, 'puts' | 'record'>;

/**
 * Who did what, when, with before and after: append-only, numbered, chained by hashes, bounded
 * (docs/api.md). What changes a row is recorded in the same transaction with `puts`; what changes
 * none, with `record`. Values of desired properties, commands and devices of the hub need neither:
 * `audited` sees them pass.
 */
export class AuditTrail {
  readonly #store: Pick<Store<AuditTables>, 'get' | 'commit'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: AuditLimits;

  constructor(
    store: Pick<Store<AuditTables>, 'get' | 'commit'>,
    ports: { readonly clock: Clock; readonly log: Log; readonly limits?: AuditLimits },
  ) {
    this.#store = store;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#limits = ports.limits ?? AUDIT_LIMITS;
  }

  /** For the transaction of what is recorded, which must be committed before anything is awaited. */
  puts(entries: readonly AuditEntry[]): Put<AuditTables>[] {
    if (entries.length === 0) return [];
    const puts: Put<AuditTables>[] = [];
    let head = this.#head();
    for (const entry of entries) {
      const record = this.#recordOf(entry, head);
      puts.push({ table: 'audit', key: auditKey(record.n), row: record });
      head = {
        ...head,
        next: head.next + 1,
        chars: head.chars + charsOf(record),
        chain: record.chain,
      };
      for (let gone = 0; gone < this.#limits.forgottenAtOnce; gone++) {
        const oldest = this.#store.get('audit', auditKey(head.first));
        if (oldest === undefined || !this.#isSurplus(oldest, head, record.at)) break;
        puts.push({ table: 'audit', key: auditKey(head.first), row: null });
        head = { ...head, first: head.first + 1, chars: head.chars - charsOf(oldest) };
      }
    }
    puts.push({ table: 'auditHead', key: 'head', row: head });
    return puts;
  }

  /** Never rejects: what was refused stays refused, though the disk be full. The log has it then. */
  async record(...entries: readonly AuditEntry[]): Promise<void> {
    try {
      await this.#store.commit(this.puts(entries));
    } catch (thrown) {
      const error = EdgeError.from(thrown);
      for (const { actor, action, subject } of entries)
        this.#log.error('audit-not-durable', { actor, action, subject, error });
    }
  }

  /** Oldest first. A page may be short and yet have a next one. */
  page(question: AuditQuestion): AuditPage {
    const { after, limit, sinceMs = -Infinity, actor, node } = question;
    const { first, next } = this.#head();
    const records: AuditRecord[] = [];
    let n = Math.max(first, after + 1);
    const end = Math.min(next, n + LOOKED_AT_MAX);
    for (; n < end && records.length < limit; n++) {
      const record = this.#store.get('audit', auditKey(n));
      if (record === undefined || record.at < sinceMs) continue;
      if (actor !== undefined && record.actor !== actor) continue;
      if (node !== undefined && record.node !== node) continue;
      records.push(record);
    }
    return { records, ...(n < next ? { next: n - 1 } : {}) };
  }

  /** For `/metrics`. */
  stats(): { readonly records: number; readonly total: number; readonly chars: number } {
    const { first, next, chars } = this.#head();
    return { records: next - first, total: next - 1, chars };
  }

  #head(): AuditHead {
    return this.#store.get('auditHead', 'head') ?? EMPTY;
  }

  #recordOf(entry: AuditEntry, head: AuditHead): AuditRecord {
    const { valueChars, nameChars } = this.#limits;
    const { actor, action, subject, node, before, after, code, detail } = entry;
    const plain = {
      ...{ n: head.next, at: this.#clock.wallTime() },
      ...{ actor: actor.slice(0, nameChars), action, subject: subject.slice(0, nameChars) },
      ...(node === undefined ? {} : { node: node.slice(0, nameChars) }),
      ...(before === undefined ? {} : { before: bounded(before, valueChars) }),
      ...(after === undefined ? {} : { after: bounded(after, valueChars) }),
      ...(code === undefined ? {} : { code: code.slice(0, nameChars) }),
      ...(detail === undefined ? {} : { detail: detail.slice(0, valueChars) }),
    };
    return { ...plain, chain: chainOf(head.chain, plain) };
  }

  #isSurplus(oldest: AuditRecord, head: AuditHead, nowMs: number): boolean {
    const { records, chars, ageMs } = this.#limits;
    return head.next - head.first > records || head.chars > chars || oldest.at < nowMs - ageMs;
  }
}

function charsOf(record: AuditRecord): number {
  return JSON.stringify(record).length;
}

function bounded(value: unknown, charsMax: number): unknown {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined || text.length <= charsMax) return value;
  return { chars: text.length, sha256: createHash('sha256').update(text).digest('hex') };
}
