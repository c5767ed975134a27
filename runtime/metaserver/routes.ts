import type { IncomingMessage, ServerResponse } from 'node:http';
import { EdgeError } from '#protocol/errors.js';
import { page } from '#protocol/page.js';
import { Refusal } from '#protocol/problem.js';
import { formatVersion } from '#protocol/twin.js';
import { peerValue } from '#protocol/value-check-json.js';
import type { AlarmBook } from '../alarms/alarm-book.js';
import type { TwinAccess, TwinView } from '../devicetwin/twin-access.js';
import type { Backups } from './backups.js';
import { deviceDocument } from './documents.js';
import { sendHistory } from './history-answer.js';
import type { SampleSource } from './history-answer.js';
import { readJson, send, sendJson } from './exchange.js';
import type { MetaServerLimits } from './limits.js';
import { PROMETHEUS_MEDIA_TYPE, prometheusText } from './prometheus.js';
import type { GatewayStatus } from './status.js';
import type { Watches } from './watch.js';

/** `open` answers anybody who reaches it; `read` anybody on this machine; `write` the token. */
export type Access = 'open' | 'read' | 'write';

export interface Route {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Segments; one in braces matches anything. */
  readonly path: string;
  readonly access: Access;
  readonly handle: (call: Call) => Promise<void> | void;
}

export interface Call {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface RouteParts {
  readonly twins: TwinAccess;
  readonly history?: SampleSource | undefined;
  readonly wallTime: () => number;
  readonly status: () => GatewayStatus;
  readonly watches: Watches;
  readonly limits: MetaServerLimits;
  readonly counters: () => Readonly<Record<string, number>>;
  /** Absent: alarms cannot be cleared here. */
  readonly alarms?: Pick<AlarmBook, 'clear'> | undefined;
  /** Absent: this interface makes none. */
  readonly backups?: Backups | undefined;
}

/** Everything that the local interface offers. */
export function routesOf(parts: RouteParts): readonly Route[] {
  const { twins, status, watches, alarms, backups } = parts;
  return [
    {
      method: 'GET',
      path: '/healthz',
      access: 'open',
      handle: ({ response }) => {
        const { alarm } = status().store;
        const well = alarm === undefined;
        const alarms = well ? [] : [alarm];
        sendJson(response, well ? 200 : 503, { status: well ? 'ok' : 'failing', alarms });
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      access: 'read',
      handle: ({ response }) => {
        const text = prometheusText(status(), parts.counters());
        send(response, 200, PROMETHEUS_MEDIA_TYPE, text);
      },
    },
    {
      method: 'GET',
      path: '/api/v1/status',
      access: 'read',
      handle: ({ response }) => sendJson(response, 200, status()),
    },
    {
      method: 'GET',
      path: '/api/v1/devices',
      access: 'read',
      handle: ({ query, response }) => {
        const { items, ...next } = page(byId(twins.devices()), (twin) => twin.device.id, {
          ...wished(query, 'limit', /^[1-9]\d{0,3}$/),
          ...wished(query, 'after', /^.{0,512}$/),
        });
        sendJson(response, 200, { devices: items.map(deviceDocument), ...next });
      },
    },
    {
      method: 'GET',
      path: '/api/v1/devices/{namespace}/{name}',
      access: 'read',
      handle: ({ params, response }) =>
        sendJson(response, 200, deviceDocument(twinOf(twins, deviceId(params)))),
    },
    {
      method: 'GET',
      path: '/api/v1/devices/{namespace}/{name}/properties/{property}/history',
      access: 'read',
      handle: (call) => sendHistory(parts, call),
    },
    {
      method: 'GET',
      path: '/api/v1/watch',
      access: 'read',
      handle: ({ query, response }) => watches.open(response, query.get('device') ?? undefined),
    },
    {
      method: 'PUT',
      path: '/api/v1/devices/{namespace}/{name}/properties/{property}/desired',
      access: 'write',
      handle: (call) => setDesired(parts, call),
    },
    ...(alarms === undefined ? [] : [alarmRoute(alarms)]),
    ...(backups === undefined ? [] : [backupRoute(backups)]),
  ];
}

function backupRoute(backups: Backups): Route {
  const path = '/api/v1/backup';
  return { method: 'GET', path, access: 'write', handle: ({ response }) => backups.send(response) };
}

function alarmRoute(alarms: Pick<AlarmBook, 'clear'>): Route {
  return {
    method: 'DELETE',
    path: '/api/v1/alarms/{code}',
    access: 'write',
    handle: async ({ params, query, response }) => {
      const { dryRun } = wished(query, 'dryRun', /^(true|false)$/);
      await alarms.clear(params['code'] ?? '', { isDryRun: dryRun === 'true' });
      response.writeHead(204).end();
    },
  };
}

/** The route of a request. Throws EDGE_UNSUPPORTED: 404, or 405 with what is allowed. */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { readonly route: Route; readonly params: Readonly<Record<string, string>> } {
  const fitting = routes.flatMap((route) => {
    const params = match(route.path, path);
    return params === undefined ? [] : [{ route, params }];
  });
  const found = fitting.find(({ route }) => route.method === method);
  if (found !== undefined) return found;
  if (fitting.length === 0)
    throw new EdgeError('EDGE_UNSUPPORTED', `there is nothing at ${path.slice(0, 200)}`, {
      hint: `There is: ${routes.map((route) => route.path).join(', ')}.`,
    });
  const allow = fitting.map(({ route }) => route.method).join(', ');
  throw new Refusal(405, 'EDGE_UNSUPPORTED', `this path takes ${allow}`, { headers: { allow } });
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const part = given[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(segment)?.[1];
    if (name === undefined && segment !== part) return undefined;
    if (name !== undefined) params[name] = decode(part);
  }
  return params;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new EdgeError('EDGE_MALFORMED', 'the path is not encoded rightly', { cause });
  }
}

async function setDesired(parts: RouteParts, { params, request, response }: Call): Promise<void> {
  const body = await readJson(request, parts.limits.bodyBytes);
  const device = deviceId(params);
  const property = params['property'] ?? '';
  const value = peerValue(valueOf(body));
  const { lid } = await parts.twins.writeLocal({ device, property, value, actor: 'cli' });
  sendJson(response, 202, { device, property, local: { value, version: formatVersion(lid) } });
}

function byId(twins: readonly TwinView[]): TwinView[] {
  return [...twins].sort((a, b) => (a.device.id < b.device.id ? -1 : 1));
}

function wished(query: URLSearchParams, name: string, form: RegExp): Record<string, string> {
  const text = query.get(name);
  if (text === null) return {};
  if (form.test(text)) return { [name]: text };
  throw new EdgeError('EDGE_MALFORMED', `?${name}= is not what it should be`);
}

function valueOf(body: unknown): unknown {
  const isMap = typeof body === 'object' && body !== null && !Array.isArray(body);
  if (!isMap || !('value' in body) || Object.keys(body).length !== 1)
    throw new EdgeError('EDGE_MALFORMED', 'the body is not {"value": ...}', {
      hint: 'Send one object with the key value and nothing else.',
    });
  return body.value;
}

function twinOf(twins: TwinAccess, id: string): TwinView {
  const twin = twins.device(id);
  if (twin !== undefined) return twin;
  throw new EdgeError('EDGE_NO_DEVICE', `there is no device ${id}`, {
    hint: 'GET /api/v1/devices lists the configured devices.',
  });
}

function deviceId(params: Call['params']): string {
  return `${params['namespace'] ?? ''}/${params['name'] ?? ''}`;
}
