import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import type { Context } from 'hono';
import * as v from 'valibot';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import type { Gate } from './gate.js';
import { PROBLEM_MEDIA_TYPE, problemOf, Refusal } from '#protocol/problem.js';
import { readBody } from './request-body.js';
import type { Method, Reply, Route } from './route.js';

type Env = { Bindings: HttpBindings };

/** Every answer carries these: nothing here is for a browser's page, frame or cache. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

export interface AppParts {
  readonly routes: readonly Route[];
  readonly gate: Gate;
  readonly bodyBytesMax: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each answer, for the counters. */
  readonly answered: (path: string, status: number) => void;
}

/** The routes as one function from request to response: authentication, parsing, errors. */
export function createApp(parts: AppParts): Hono<Env> {
  const app = new Hono<Env>();
  for (const route of parts.routes)
    app.on(route.method, honoPath(route.path), (context) => answer(parts, route, context));
  for (const path of new Set(parts.routes.map((route) => route.path)))
    app.all(honoPath(path), (context) => refuse(parts, path, wrongMethod(parts, path), context));
  app.notFound((context) => refuse(parts, 'none', noSuchPath(context.req.path), context));
  return app;
}

async function answer(parts: AppParts, route: Route, context: Context<Env>): Promise<Response> {
  try {
    const { gate } = parts;
    const admitted = gate.admit(route, requestFacts(context), parts.clock.now());
    const query = parse(route.query, context.req.query(), 'the query');
    const body = await readJson(parts, route, context);
    const reply = await route.handle({
      params: context.req.param(),
      query,
      body,
      identity: admitted.identity,
      header: (name) => context.req.header(name),
      stillAllowed: admitted.stillAllowed,
    });
    parts.answered(route.path, reply.status);
    // A HEAD is matched as the GET, but nobody would ever read its stream.
    if (context.req.method === 'HEAD' && reply.body instanceof ReadableStream)
      await reply.body.cancel();
    return respond(reply);
  } catch (thrown) {
    return refuse(parts, route.path, EdgeError.from(thrown), context);
  }
}

function requestFacts(context: Context<Env>) {
  const { incoming } = context.env;
  return {
    authorization: context.req.header('authorization'),
    host: context.req.header('host'),
    address: incoming.socket.remoteAddress ?? 'unknown',
    local: incoming.socket.localAddress ?? 'unknown',
  };
}

async function readJson(parts: AppParts, route: Route, context: Context<Env>): Promise<unknown> {
  if (route.body === undefined) return undefined;
  const bytesMax = route.bodyBytesMax ?? parts.bodyBytesMax;
  const bytes = await readBody(context.req.raw, bytesMax);
  return parse(route.body, parseOutsideJson(bytes, bytesMax), 'the body');
}

function parse(schema: v.GenericSchema | undefined, input: unknown, what: string): unknown {
  if (schema === undefined) return undefined;
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  throw new EdgeError('EDGE_MALFORMED', `${what} is wrong${path === null ? '' : ` at ${path}`}`, {
    hint: `Expected ${issue.expected ?? 'something else'}; /openapi.json has the schema.`,
  });
}

function respond(reply: Reply): Response {
  const { status, body, mediaType = 'application/json', headers } = reply;
  const all = { ...SECURITY_HEADERS, 'content-type': mediaType, ...headers };
  if (body === undefined) return new Response(null, { status, headers: all });
  const raw =
    typeof body === 'string' || body instanceof ReadableStream ? body : JSON.stringify(body);
  return new Response(raw, { status, headers: all });
}

function refuse(parts: AppParts, path: string, error: EdgeError, context: Context<Env>): Response {
  const problem = problemOf(error);
  const fields = { method: context.req.method, path, status: problem.status, error };
  if (problem.status >= 500) parts.log.error('request-failed', fields);
  else parts.log.debug('request-refused', fields);
  parts.answered(path, problem.status);
  return respond({
    status: problem.status,
    mediaType: PROBLEM_MEDIA_TYPE,
    body: problem,
    ...(error instanceof Refusal ? { headers: error.headers } : {}),
  });
}

function wrongMethod(parts: AppParts, path: string): Refusal {
  const methods: readonly Method[] = parts.routes
    .filter((route) => route.path === path)
    .map((route) => route.method);
  const allow = methods.join(', ');
  return new Refusal(405, 'EDGE_UNSUPPORTED', `this path takes ${allow}`, { headers: { allow } });
}

function noSuchPath(path: string): EdgeError {
  return new EdgeError('EDGE_UNSUPPORTED', `there is nothing at ${path.slice(0, 200)}`, {
    hint: 'GET /openapi.json lists what there is.',
  });
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
