import type { Refused } from '../audit/refusals.js';
import type { FailureLimit } from './failure-limit.js';
import { actorOf, CONTROL_NAME, sameToken } from './operators.js';
import type { RequestRate } from './request-rate.js';
import { allows } from './roles.js';
import type { Identity, Operators } from './operators.js';
import { Refusal } from '#protocol/problem.js';
import type { Route } from './route.js';
import { EdgeError, type ErrorCode } from '#protocol/errors.js';
import { isLoopback, isLoopbackHost } from '#protocol/listen-address.js';

/** What a request says of itself before its content counts. */
export interface RequestFacts {
  readonly authorization: string | undefined;
  readonly host: string | undefined;
  /** Of the peer, and of this end of the connection. */
  readonly address: string;
  readonly local: string;
}

export interface Admitted {
  readonly identity: Identity;
  readonly stillAllowed: () => boolean;
}

const NOBODY: Identity = { name: 'nobody', role: 'viewer' };
const RETRY_AFTER_S = 60;
/** A bucket of requests has gained some by then. */
const SLOW_DOWN_S = 1;

export interface GateLimits {
  readonly failures: FailureLimit;
  readonly rate: RequestRate;
}

/** Who may come in: tokens and roles, failed attempts, and the Host header against DNS rebinding. */
export class Gate {
  readonly #operators: Operators;
  readonly #controlToken: string;
  readonly #failures: FailureLimit;
  readonly #rate: RequestRate;
  readonly #refused: Refused | undefined;
  #failed = 0;

  constructor(
    operators: Operators,
    controlToken: string,
    { failures, rate }: GateLimits,
    refused?: Refused,
  ) {
    this.#operators = operators;
    this.#controlToken = controlToken;
    this.#failures = failures;
    this.#rate = rate;
    this.#refused = refused;
  }

  get failed(): number {
    return this.#failed;
  }

  /**
   * Throws EDGE_UNAUTHENTICATED (401, or 429 when it failed often), EDGE_FORBIDDEN (403, 421),
   * EDGE_LIMIT (429) for too many requests of one operator.
   */
  admit(
    { access, scoped }: Pick<Route, 'access' | 'scoped'>,
    facts: RequestFacts,
    now: number,
  ): Admitted {
    const local = isLoopback(facts.local);
    if (local) checkHost(facts.host);
    if (access === 'open') return { identity: NOBODY, stillAllowed: () => true };
    const { authorization } = facts;
    if (access === 'local' && local && authorization === undefined)
      return { identity: NOBODY, stillAllowed: () => true };
    const needed = access === 'local' ? 'viewer' : access;
    const token = /^Bearer +([\x21-\x7e]{1,256})$/i.exec(authorization ?? '')?.[1];
    const identity = token === undefined ? undefined : this.#identify(token);
    if (token === undefined || identity === undefined) throw this.#failure(facts, now);
    if (identity.name !== CONTROL_NAME && !this.#rate.take(identity.name, now))
      throw this.#tooOften(identity);
    const lacks = !allows(identity.role, needed);
    const strays = identity.nodes !== undefined && scoped !== true;
    if (lacks || strays)
      this.#record(actorOf(identity), 'EDGE_FORBIDDEN', lacks ? `not ${needed}` : 'not its nodes');
    if (lacks)
      throw new EdgeError('EDGE_FORBIDDEN', `this needs the role ${needed}, not ${identity.role}`, {
        hint: 'Use the token of another operator.',
      });
    if (strays)
      throw new EdgeError('EDGE_FORBIDDEN', 'this needs a token for the whole fleet', {
        hint: 'This token is for some gateways only; use that of another operator.',
      });
    const stillAllowed = (): boolean => {
      const present = this.#identify(token);
      return present !== undefined && allows(present.role, needed);
    };
    return { identity, stillAllowed };
  }

  #identify(token: string): Identity | undefined {
    if (sameToken(token, this.#controlToken)) return { name: CONTROL_NAME, role: 'admin' };
    return this.#operators.authenticate(token);
  }

  #tooOften(identity: Identity): EdgeError {
    this.#record(actorOf(identity), 'EDGE_LIMIT', 'too many requests');
    return new Refusal(429, 'EDGE_LIMIT', `${identity.name} asks too often`, {
      hint: 'Watch for changes instead of asking again and again; give each program its own operator.',
      headers: { 'retry-after': String(SLOW_DOWN_S) },
    });
  }

  #record(actor: string, code: ErrorCode, detail: string): void {
    this.#refused?.({
      actor,
      action: 'operator.refuse',
      subject: 'the REST interface',
      code,
      detail,
    });
  }

  /** A request without any token is a beginner's, not an attack's: it is not counted. */
  #failure(facts: RequestFacts, now: number): EdgeError {
    const challenge = { 'www-authenticate': 'Bearer realm="edgetwin"' };
    const hint = 'Send Authorization: Bearer TOKEN; `edgetwin-hub operator create` makes one.';
    if (facts.authorization === undefined)
      return new Refusal(401, 'EDGE_UNAUTHENTICATED', 'a token is needed', {
        hint,
        headers: challenge,
      });
    this.#failed++;
    this.#record(`address:${facts.address}`, 'EDGE_FORBIDDEN', 'a wrong token');
    if (this.#failures.failed(facts.address, now))
      return new Refusal(429, 'EDGE_UNAUTHENTICATED', 'too many attempts with wrong tokens', {
        hint: 'Wait a minute, and use the right token.',
        headers: { 'retry-after': String(RETRY_AFTER_S) },
      });
    return new Refusal(401, 'EDGE_UNAUTHENTICATED', 'the token is not valid', {
      hint,
      headers: challenge,
    });
  }
}

/** A page from elsewhere may resolve its own name to 127.0.0.1; its Host header gives it away. */
function checkHost(host: string | undefined): void {
  if (host !== undefined && isLoopbackHost(host)) return;
  throw new Refusal(421, 'EDGE_FORBIDDEN', 'the Host header is not a loopback address', {
    hint: 'Use http://127.0.0.1 or http://localhost; a proxy should set Host so.',
  });
}
