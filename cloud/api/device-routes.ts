import * as v from 'valibot';
import type { HubDevices } from '../fleet.js';
import { API_LIMITS } from './limits.js';
import { actorOf } from './operators.js';
import { route } from './route.js';
import type { Route, RouteRequest } from './route.js';

const Documents = v.strictObject({
  device: v.pipe(
    v.unknown(),
    v.description('Device of devices.kubeedge.io/v1beta1; spec.nodeName names its gateway.'),
  ),
  model: v.pipe(v.unknown(), v.description('The DeviceModel that it refers to.')),
});

const DeviceQuery = v.strictObject({
  dryRun: v.exactOptional(
    v.pipe(v.picklist(['true', 'false']), v.description('Check everything, and change nothing.')),
  ),
});

const Fault = v.strictObject({
  key: v.string(),
  message: v.string(),
  suggestion: v.exactOptional(v.string()),
  hint: v.exactOptional(v.string()),
});

const PutSchema = v.strictObject({
  device: v.string(),
  node: v.string(),
  change: v.picklist(['created', 'updated', 'replaced', 'unchanged']),
  dryRun: v.exactOptional(v.literal(true)),
  warnings: v.array(Fault),
});

export type PutDocument = v.InferOutput<typeof PutSchema>;

/** Devices that people create here. */
export function deviceRoutes(devices: HubDevices): readonly Route[] {
  return [
    route({
      method: 'PUT',
      path: '/api/v1/devices/{namespace}/{name}',
      access: 'operator',
      summary: 'Creates a device on a gateway, or changes one that was created here.',
      query: DeviceQuery,
      body: Documents,
      bodyBytesMax: API_LIMITS.documentBytes,
      answers: [
        {
          status: 200,
          summary:
            'Durable at the hub: updated, replaced by a new life, or unchanged; with dryRun also created.',
          schema: PutSchema,
        },
        {
          status: 201,
          summary: 'Created. Its gateway gets it when it is connected.',
          schema: PutSchema,
        },
      ],
      handle: async (request) => {
        const { body, query, identity } = request;
        const id = deviceId(request.params);
        const isDryRun = query.dryRun === 'true';
        const { node, change, warnings } = await devices.putDevice({
          ...{ id, device: body.device, model: body.model, isDryRun },
          actor: actorOf(identity),
        });
        const answer: PutDocument = {
          ...{ device: id, node, change },
          ...(isDryRun ? { dryRun: true } : {}),
          warnings: warnings.map((fault) => ({ ...fault })),
        };
        return { status: change === 'created' && !isDryRun ? 201 : 200, body: answer };
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/v1/devices/{namespace}/{name}',
      access: 'operator',
      summary: 'Ends a device that was created here, with its values, at both ends.',
      answers: [
        { status: 204, summary: 'Gone at the hub. Its gateway hears of it when it is connected.' },
      ],
      handle: async ({ params, identity }) => {
        const actor = actorOf(identity);
        await devices.deleteDevice({ device: deviceId(params), actor });
        return { status: 204 };
      },
    }),
  ];
}

function deviceId(params: RouteRequest<unknown, unknown>['params']): string {
  return `${params['namespace'] ?? ''}/${params['name'] ?? ''}`;
}
