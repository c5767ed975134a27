import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import type { Store } from '#journal/store.js';
import type { Audit } from '../audit/audit-trail.js';
import type { AuditTables } from '../audit/tables.js';
import { API_LIMITS } from './limits.js';
import type { Role } from './roles.js';
import { Refusal } from '#protocol/problem.js';

/** The table that the hub's store has for this file; the key is the operator's name. */
export interface OperatorTables extends AuditTables {
  operators: OperatorRow;
}

export interface OperatorRow {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, hexadecimal. The token itself is kept nowhere. */
  readonly tokenHash: string;
  /** Wall times, milliseconds since 1970. */
  readonly created: number;
  readonly lastUsed?: number;
  /** From then on the token is refused. */
  readonly expires?: number;
  /** The nodes that it is for (`covers`); absent: the whole fleet. */
  readonly nodes?: readonly string[];
}

export interface OperatorGrant {
  readonly nodes?: readonly string[] | undefined;
  /** Milliseconds that the token is valid. */
  readonly ttlMs?: number | undefined;
}

/** Who asks. */
export interface Identity {
  readonly name: string;
  readonly role: Role;
  readonly nodes?: readonly string[];
}

/** As rows and the audit trail name them. */
export function actorOf({ name }: Identity): string {
  return `operator:${name}`;
}

/** The name of the command line, which the control file lets in; nobody else may have it. */
export const CONTROL_NAME = 'control';

const TOKEN_PREFIX = 'edgetwin-op-';
const TOKEN_BYTES = 32;
/** `last used` is worth a write an hour, not one per request. */
const LAST_USED_STEP_MS = 3_600_000;

export interface NewOperator {
  readonly operator: OperatorRow;
  readonly token: string;
}

/** The actor of what nobody asked for. */
const HUB = 'hub';

/** The people and programs that may use the REST interface. */
export class Operators {
  readonly #store: Store<OperatorTables>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #audit: Pick<Audit, 'puts'> | undefined;

  constructor(
    store: Store<OperatorTables>,
    ports: { clock: Clock; random: Random; audit?: Pick<Audit, 'puts'> },
  ) {
    this.#store = store;
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#audit = ports.audit;
  }

  /** Resolves when durable, with the token: it cannot be shown again. 409 when the name is taken. */
  async create(
    name: string,
    role: Role,
    { nodes, ttlMs }: OperatorGrant = {},
    actor = HUB,
  ): Promise<NewOperator> {
    const known = this.#store.rows('operators');
    if (known.has(name) || name === CONTROL_NAME)
      throw new Refusal(409, 'EDGE_CONFLICT', `the operator ${name} exists already`, {
        hint: 'Choose another name, or remove the operator first.',
      });
    if (known.size >= API_LIMITS.operators)
      throw new EdgeError('EDGE_LIMIT', `there are ${API_LIMITS.operators} operators already`, {
        hint: 'Remove operators that are no longer used.',
      });
    const token = newToken(this.#random);
    const created = this.#clock.wallTime();
    const grant = {
      ...{ role },
      ...(nodes === undefined ? {} : { nodes }),
      ...(ttlMs === undefined ? {} : { expires: created + ttlMs }),
    };
    const row = { name, ...grant, tokenHash: hashOf(token).toString('hex'), created };
    const entry = { actor, action: 'operator.create', subject: name, after: grant } as const;
    const audit = this.#audit?.puts([entry]) ?? [];
    await this.#store.commit([{ table: 'operators', key: name, row }, ...audit]);
    return { operator: row, token };
  }

  /** By name. */
  list(): readonly OperatorRow[] {
    return [...this.#store.rows('operators').values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** From its resolution on, and already before, the token is refused. */
  async remove(name: string, actor = HUB): Promise<void> {
    const row = this.#store.get('operators', name);
    if (row === undefined)
      throw new EdgeError('EDGE_NO_OPERATOR', `there is no operator ${name}`, {
        hint: 'GET /api/v1/operators lists them.',
      });
    const { role, nodes, expires } = row;
    const before = { role, nodes, expires };
    const entry = { actor, action: 'operator.remove', subject: name, before } as const;
    const audit = this.#audit?.puts([entry]) ?? [];
    await this.#store.commit([{ table: 'operators', key: name, row: null }, ...audit]);
  }

  /** Compares with every operator in constant time, so that time tells nothing about hashes. */
  authenticate(token: string): Identity | undefined {
    const hash = hashOf(token);
    let found: OperatorRow | undefined;
    for (const row of this.#store.rows('operators').values())
      if (timingSafeEqual(hash, Buffer.from(row.tokenHash, 'hex'))) found = row;
    if (found === undefined) return undefined;
    const { name, role, nodes, expires } = found;
    if (expires !== undefined && this.#clock.wallTime() >= expires) return undefined;
    this.#used(found);
    return { name, role, ...(nodes === undefined ? {} : { nodes }) };
  }

  /** Best effort: a full disk must not keep a reader out. */
  #used(row: OperatorRow): void {
    const lastUsed = this.#clock.wallTime();
    if (Math.abs(lastUsed - (row.lastUsed ?? 0)) < LAST_USED_STEP_MS) return;
    const put = { table: 'operators', key: row.name, row: { ...row, lastUsed } } as const;
    this.#store.commit([put]).catch(() => undefined);
  }
}

/** `edgetwin-op-` and 256 random bits: the prefix lets scanners find tokens in the wrong place. */
export function newToken(random: Random): string {
  return TOKEN_PREFIX + Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url');
}

/** Equality of two tokens in constant time. */
export function sameToken(a: string, b: string): boolean {
  return timingSafeEqual(hashOf(a), hashOf(b));
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
