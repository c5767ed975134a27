import { createHash } from 'node:crypto';
import { isoTime } from '#protocol/twin-document.js';
import type { AuditRecord } from './tables.js';

/** A record as it is exported, in this order of its fields: so its chain is computed. */
export interface AuditDocument extends Omit<AuditRecord, 'at'> {
  /** RFC 3339, UTC. */
  readonly at?: string;
}

export function auditDocument({ n, at: atMs, ...rest }: AuditRecord): AuditDocument {
  return { n, ...timeOf(atMs), ...rest };
}

/** SHA-256, hexadecimal, over the chain before and the exported JSON without its own chain. */
export function chainOf(before: string, { n, at, ...rest }: Omit<AuditRecord, 'chain'>): string {
  const text = JSON.stringify({ n, ...timeOf(at), ...rest });
  return createHash('sha256').update(before).update(text).digest('hex');
}

/** The number of the first record that does not follow from the one before; undefined: all do. */
export function brokenAt(documents: readonly AuditDocument[]): number | undefined {
  return documents.find((document, index) => {
    const before = documents[index - 1];
    if (before === undefined) return false;
    const { chain, ...plain } = document;
    const sha256 = createHash('sha256').update(before.chain).update(JSON.stringify(plain));
    return document.n !== before.n + 1 || chain !== sha256.digest('hex');
  })?.n;
}

function timeOf(atMs: number): { readonly at?: string } {
  const at = isoTime(atMs);
  return at === undefined ? {} : { at };
}
