/** The tables of the audit trail in the hub's store. */
export interface AuditTables {
  /** Key: `auditKey` of the record's number. */
  audit: AuditRecord;
  /** Key: `head`. */
  auditHead: AuditHead;
}

/** What was done, or was refused. Names are stable: programs of users look for them. */
export const AUDIT_ACTIONS = {
  'desired.set': 'A property should have another value.',
  'command.run': 'A method of a device was called.',
  'device.create': 'A device was created at the hub.',
  'device.update': 'The documents of a device of the hub changed.',
  'device.delete': 'A device of the hub ended.',
  'node.join': 'A node got a certificate for a token.',
  'node.renew': 'A node got its next certificate.',
  'node.revoke': 'The certificates of a node were revoked.',
  'node.refuse': 'A node, or who claims to be it, was refused.',
  'alarm.clear': 'A person has seen an alarm of a node.',
  'token.create': 'A join token was made.',
  'token.revoke': 'A join token was withdrawn.',
  'operator.create': 'An operator was made.',
  'operator.remove': 'An operator was removed.',
  'operator.refuse': 'Somebody asked for what the token does not allow, or with a wrong one.',
  'backup.read': 'A backup of the rows was taken.',
  'forward.open': 'A port was opened through a node to a target behind it.',
  'device.refuse': 'A node spoke about devices that are not its own.',
} as const;

export type AuditAction = keyof typeof AUDIT_ACTIONS;

export interface AuditEntry {
  /** Who: `operator:<name>`, `node:<name>` or `hub`. */
  readonly actor: string;
  readonly action: AuditAction;
  /** What it was done to: a device, `device/property`, a node, an operator, a token's id. */
  readonly subject: string;
  /** The gateway that it is about. */
  readonly node?: string;
  /** JSON; absent where there was or is nothing. Never a secret. */
  readonly before?: unknown;
  readonly after?: unknown;
  /** Set when it was refused: a code of docs/errors.md, and why. */
  readonly code?: string;
  readonly detail?: string;
}

export interface AuditRecord extends AuditEntry {
  /** From 1 on, without gaps. */
  readonly n: number;
  /** Wall time of the hub, milliseconds since 1970. */
  readonly at: number;
  /**
   * `chainOf` the record before and this one: who kept an export sees when an earlier record was changed or taken out.
   */
  readonly chain: string;
}

export interface AuditHead {
  /** Numbers of the oldest that is kept, and of the next. */
  readonly first: number;
  readonly next: number;
  /** Characters of all records that are kept. */
  readonly chars: number;
  readonly chain: string;
}

/** Sorts as the numbers do. */
export function auditKey(n: number): string {
  return String(n).padStart(15, '0');
}
