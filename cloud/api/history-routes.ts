import * as v from 'valibot';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import {
  HISTORY_PAGE_DEFAULT,
  HISTORY_PAGE_MAX,
  historyDocument,
  historyQuestion,
} from '#protocol/history-document.js';
import type { Fleet, Histories } from '../fleet.js';
import { route } from './route.js';
import type { Route } from './route.js';
import { within } from './scope.js';

const text = (described: string) =>
  v.exactOptional(v.pipe(v.string(), v.maxLength(40), v.description(described)));

const Query = v.strictObject({
  from: text('Readings from this time on: RFC 3339, a day, -12h, or milliseconds since 1970.'),
  to: text('Readings up to this time, inclusive.'),
  limit: text(`Samples on a page: ${HISTORY_PAGE_DEFAULT}, at most ${HISTORY_PAGE_MAX}.`),
  after: text('Go on from here: `next` of the page before.'),
});

const SampleSchema = v.strictObject({
  timestamp: v.exactOptional(v.pipe(v.string(), v.description('RFC 3339, UTC.'))),
  value: v.pipe(v.unknown(), v.description('Any JSON value, at most 8 KiB encoded.')),
  quality: v.picklist(['good', 'uncertain', 'bad']),
  reason: v.exactOptional(v.string()),
  clock: v.exactOptional(
    v.pipe(v.picklist(['floor', 'unknown']), v.description('The timestamp may be wrong.')),
  ),
});

const PageSchema = v.strictObject({
  samples: v.array(SampleSchema),
  next: v.exactOptional(
    v.pipe(v.string(), v.description('There may be more, also behind an empty page.')),
  ),
});

/** Samples of properties with history. */
export function historyRoutes(fleet: Fleet, histories: Histories, clock: Clock): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/devices/{namespace}/{name}/properties/{property}/history',
      access: 'viewer',
      scoped: true,
      summary: 'Samples of a property with history, in the order in which they came.',
      query: Query,
      answers: [{ status: 200, summary: 'One page of samples.', schema: PageSchema }],
      handle: async ({ params, query, identity }) => {
        const device = `${params['namespace'] ?? ''}/${params['name'] ?? ''}`;
        const property = params['property'] ?? '';
        const known = within(fleet, identity.nodes).device(device);
        if (known === undefined)
          throw new EdgeError('EDGE_NO_DEVICE', `there is no device ${device}`, {
            hint: 'GET /api/v1/devices lists the devices that gateways have reported.',
          });
        if (!known.properties.some(({ description }) => description.name === property))
          throw new EdgeError('EDGE_NO_PROPERTY', `${device} has no property ${property}`, {
            hint: 'GET the device to see its properties.',
          });
        const page = await histories.history(
          historyQuestion(device, property, query, clock.wallTime()),
        );
        return { status: 200, body: historyDocument(page ?? { samples: [] }) };
      },
    }),
  ];
}
