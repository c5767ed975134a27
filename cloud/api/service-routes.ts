import { HealthSchema } from './documents.js';
import type { MetricsPage } from './metrics.js';
import { openApiDocument } from './openapi.js';
import { route } from './route.js';
import type { Route } from './route.js';

export interface Health {
  /** What is wrong now: the storage's alarm first of all. Empty when all is well. */
  readonly alarms: readonly { readonly code: string; readonly message: string }[];
  /** What will be wrong unless a person does something; all is well until then. */
  readonly warnings?: readonly { readonly code: string; readonly message: string }[];
}

/** Nothing but these two texts leaves. */
function shown(list: Health['alarms']): Health['alarms'] {
  return list.map(({ code, message }) => ({ code, message }));
}

/** What supervisors, monitors and generators of clients ask for. */
export function serviceRoutes(
  health: () => Health,
  metrics: MetricsPage,
  describe: () => { readonly routes: readonly Route[]; readonly version: string },
): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/healthz',
      access: 'open',
      summary: 'Whether the hub can keep what it acknowledges.',
      answers: [
        { status: 200, summary: 'All is well.', schema: HealthSchema },
        { status: 503, summary: 'Something is wrong.', schema: HealthSchema },
      ],
      handle: () => {
        const said = health();
        const alarms = shown(said.alarms);
        const warnings = shown(said.warnings ?? []);
        const well = alarms.length === 0;
        const status = well ? 'ok' : 'failing';
        const body = { status, alarms, ...(warnings.length === 0 ? {} : { warnings }) };
        return { status: well ? 200 : 503, body };
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      access: 'local',
      summary: 'Prometheus metrics. Through loopback no token is asked for.',
      answers: [{ status: 200, summary: 'Exposition format.', mediaType: 'text/plain' }],
      handle: async () => {
        const { text, mediaType } = await metrics.render();
        return { status: 200, mediaType, body: text };
      },
    }),
    route({
      method: 'GET',
      path: '/openapi.json',
      access: 'open',
      summary: 'This document.',
      answers: [{ status: 200, summary: 'OpenAPI 3.1.', mediaType: 'application/json' }],
      handle: () => {
        const { routes, version } = describe();
        return { status: 200, body: openApiDocument(routes, version) };
      },
    }),
  ];
}
