import type { GenericSchema, InferOutput } from 'valibot';
import type { Identity } from './operators.js';
import type { Role } from './roles.js';

export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** `open`: no token at all. `local`: a viewer's token, or none through the loopback listener. */
export type Access = Role | 'open' | 'local';

/**
 * One row of the table from which both the server and the OpenAPI document are made, so that
 * neither can promise what the other does not do.
 */
export interface Route {
  readonly method: Method;
  /** As OpenAPI writes it: `/api/v1/nodes/{node}`. */
  readonly path: string;
  readonly access: Access;
  /** It keeps to the nodes of a token that has some; others are for tokens of the whole fleet. */
  readonly scoped?: true;
  readonly summary: string;
  readonly query: GenericSchema | undefined;
  readonly body: GenericSchema | undefined;
  /** Bytes of a body that this route takes, when they are more than the usual. */
  readonly bodyBytesMax?: number;
  /** Request headers that mean something, with what they mean. */
  readonly headers: Readonly<Record<string, string>>;
  readonly answers: readonly AnswerForm[];
  readonly handle: (request: RouteRequest<unknown, unknown>) => Promise<Reply> | Reply;
}

export interface AnswerForm {
  readonly status: number;
  readonly summary: string;
  readonly mediaType?: string;
  readonly schema?: GenericSchema;
  /** True when the answer carries the desired version as ETag. */
  readonly etag?: boolean;
}

export interface RouteRequest<Query, Body> {
  /** The decoded parts of the path, by name. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly identity: Identity;
  header(name: string): string | undefined;
  /** False once this token is no longer valid: for answers that last. */
  stillAllowed(): boolean;
}

export interface Reply {
  readonly status: number;
  /** JSON, unless it is text or a stream that `mediaType` names. */
  readonly body?: unknown;
  readonly mediaType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface RouteDefinition<Query extends GenericSchema, Body extends GenericSchema> {
  readonly method: Method;
  readonly path: string;
  readonly access: Access;
  readonly scoped?: true;
  readonly summary: string;
  readonly query?: Query;
  readonly body?: Body;
  readonly bodyBytesMax?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers: readonly AnswerForm[];
  readonly handle: (
    request: RouteRequest<InferOutput<Query>, InferOutput<Body>>,
  ) => Promise<Reply> | Reply;
}

/** A row whose handler sees the types of its own schemas. */
export function route<Query extends GenericSchema, Body extends GenericSchema>(
  definition: RouteDefinition<Query, Body>,
): Route {
  const { handle } = definition;
  return {
    ...definition,
    query: definition.query,
    body: definition.body,
    headers: definition.headers ?? {},
    // The app parses query and body by these very schemas before it calls.
    handle: (request) => handle(request),
  };
}
