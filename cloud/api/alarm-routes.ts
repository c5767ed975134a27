import * as v from 'valibot';
import type { NodeCare } from '../fleet.js';
import type { Audit } from '../audit/audit-trail.js';
import { actorOf } from './operators.js';
import { route } from './route.js';
import type { Route } from './route.js';

const ClearQuery = v.strictObject({
  dryRun: v.exactOptional(
    v.pipe(v.picklist(['true', 'false']), v.description('Check everything, and change nothing.')),
  ),
});

/** Alarms of nodes: what a person has seen is taken from the list. */
export function alarmRoutes(care: NodeCare, audit?: Audit): readonly Route[] {
  return [
    route({
      method: 'DELETE',
      path: '/api/v1/nodes/{node}/alarms/{code}',
      access: 'operator',
      summary: 'An alarm was seen. EDGE_QUARANTINED: the node is let in again.',
      query: ClearQuery,
      answers: [{ status: 204, summary: 'Cleared, or not there. It comes back if it holds on.' }],
      handle: async ({ params, query, identity }) => {
        const [node = '', code = ''] = [params['node'], params['code']];
        const isDryRun = query.dryRun === 'true';
        await care.clearAlarm(node, code, { isDryRun });
        if (isDryRun) return { status: 204 };
        const actor = actorOf(identity);
        await audit?.record({ actor, action: 'alarm.clear', subject: code, node });
        return { status: 204 };
      },
    }),
  ];
}
