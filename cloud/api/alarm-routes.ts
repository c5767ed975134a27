import type { NodeCare } from '../fleet.js';
import type { Audit } from '../audit/audit-trail.js';
import { actorOf } from './operators.js';
import { route } from './route.js';
import type { Route } from './route.js';

/** Alarms of nodes: what a person has seen is taken from the list. */
export function alarmRoutes(care: NodeCare, audit?: Audit): readonly Route[] {
  return [
    route({
      method: 'DELETE',
      path: '/api/v1/nodes/{node}/alarms/{code}',
      access: 'operator',
      summary: 'An alarm was seen. EDGE_QUARANTINED: the node is let in again.',
      answers: [{ status: 204, summary: 'Cleared, or not there. It comes back if it holds on.' }],
      handle: async ({ params, identity }) => {
        const [node = '', code = ''] = [params['node'], params['code']];
        await care.clearAlarm(node, code);
        const actor = actorOf(identity);
        await audit?.record({ actor, action: 'alarm.clear', subject: code, node });
        return { status: 204 };
      },
    }),
  ];
}
