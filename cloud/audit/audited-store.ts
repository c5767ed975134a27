import type { FrozenTables } from '#journal/row-tables.js';
import type { Put, Store, StoreStats, TableName } from '#journal/store.js';
import type { EnrolmentTables } from '../enrolment/tables.js';
import type { HubPut, HubTables } from '../store/tables.js';
import { auditOf } from './audit-rules.js';
import type { RowBefore } from './audit-rules.js';
import type { AuditTrail } from './audit-trail.js';
import type { AuditEntry, AuditTables } from './tables.js';

type Tables = HubTables & EnrolmentTables & AuditTables;

/** `store`, with each change of the fleet in the audit trail. */
export function audited<All extends HubTables & AuditTables>(
  store: Store<All>,
  trail: Pick<AuditTrail, 'puts'>,
): Store<All> {
  return new AuditedStore(store as unknown as Store<Tables>, trail) as unknown as Store<All>;
}

/**
 * The hub's store that writes each change of the fleet into the audit trail, in the same
 * transaction, so that none can be durable without its record and no caller can forget it.
 */
class AuditedStore implements Store<Tables> {
  readonly #store: Store<Tables>;
  readonly #trail: Pick<AuditTrail, 'puts'>;

  constructor(store: Store<Tables>, trail: Pick<AuditTrail, 'puts'>) {
    this.#store = store;
    this.#trail = trail;
  }

  get<T extends TableName<Tables>>(table: T, key: string): Tables[T] | undefined {
    return this.#store.get(table, key);
  }

  rows<T extends TableName<Tables>>(table: T): ReadonlyMap<string, Tables[T]> {
    return this.#store.rows(table);
  }

  commit(puts: readonly Put<Tables>[]): Promise<void> {
    const before: RowBefore = (table, key) =>
      this.#store.get(table, key) as ReturnType<RowBefore> as never;
    const entries: AuditEntry[] = [];
    for (const put of puts) {
      const entry = auditOf(put as HubPut, before);
      if (entry !== undefined) entries.push(entry);
    }
    return this.#store.commit(
      entries.length === 0 ? puts : [...puts, ...this.#trail.puts(entries)],
    );
  }

  freeze(): FrozenTables {
    return this.#store.freeze();
  }

  stats(): StoreStats {
    return this.#store.stats();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
