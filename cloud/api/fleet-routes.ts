import * as v from 'valibot';
import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import { page } from '#protocol/page.js';
import { formatVersion, NO_VERSION, parseVersion, sameVersion } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { peerValue } from '#protocol/value-check-json.js';
import type { DeviceView, Fleet, HubPropertyView, NodeView } from '../fleet.js';
import {
  AcceptedSchema,
  deviceDocument,
  DeviceSchema,
  nodeDocument,
  NodeSchema,
  propertyDocument,
  PropertySchema,
} from './documents.js';
import { actorOf } from './operators.js';
import { PageQuery } from './page-query.js';
import { route } from './route.js';
import type { Reply, Route, RouteRequest } from './route.js';
import { within } from './scope.js';
import type { FleetPart } from './scope.js';

type Params = RouteRequest<unknown, unknown>['params'];

const DeviceQuery = v.strictObject({
  ...PageQuery,
  node: v.exactOptional(v.pipe(v.string(), v.maxLength(LIMITS.nodeNameChars))),
});

const Next = v.exactOptional(
  v.pipe(v.string(), v.description('Ask for the next page with ?after= this.')),
);

/** Nodes, devices and desired values. */
export function fleetRoutes(fleet: Fleet): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/nodes',
      access: 'viewer',
      scoped: true,
      summary: 'The gateways, by name.',
      query: v.strictObject(PageQuery),
      answers: [
        {
          status: 200,
          summary: 'One page of nodes.',
          schema: v.strictObject({ nodes: v.array(NodeSchema), next: Next }),
        },
      ],
      handle: ({ query, identity }) => {
        const { items, ...next } = page(
          byName(within(fleet, identity.nodes).nodes()),
          (node) => node.name,
          query,
        );
        return { status: 200, body: { nodes: items.map(nodeDocument), ...next } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/nodes/{node}',
      access: 'viewer',
      scoped: true,
      summary: 'One gateway.',
      answers: [{ status: 200, summary: 'The node.', schema: NodeSchema }],
      handle: ({ params, identity }) => ({
        status: 200,
        body: nodeDocument(nodeOf(within(fleet, identity.nodes), params)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/devices',
      access: 'viewer',
      scoped: true,
      summary: 'The DeviceTwins, by id; all or those of one node.',
      query: DeviceQuery,
      answers: [
        {
          status: 200,
          summary: 'One page of devices.',
          schema: v.strictObject({ devices: v.array(DeviceSchema), next: Next }),
        },
      ],
      handle: ({ query, identity }) => {
        const seen = within(fleet, identity.nodes);
        const devices = seen.devices(query.node === undefined ? {} : { node: query.node });
        const { items, ...next } = page(devices, (device) => device.description.id, query);
        return { status: 200, body: { devices: items.map(deviceDocument), ...next } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/devices/{namespace}/{name}',
      access: 'viewer',
      scoped: true,
      summary: 'One DeviceTwin.',
      answers: [{ status: 200, summary: 'The device.', schema: DeviceSchema }],
      handle: ({ params, identity }) => ({
        status: 200,
        body: deviceDocument(deviceOf(within(fleet, identity.nodes), params)),
      }),
    }),
    route({
      method: 'GET',
      path: '/api/v1/devices/{namespace}/{name}/properties/{property}',
      access: 'viewer',
      scoped: true,
      summary: 'One property; the ETag is the version of its desired value.',
      answers: [{ status: 200, summary: 'The property.', schema: PropertySchema, etag: true }],
      handle: ({ params, identity }) => {
        const seen = within(fleet, identity.nodes);
        const property = propertyOf(deviceOf(seen, params), params);
        const headers = { etag: etag(property.desired?.version ?? NO_VERSION) };
        return { status: 200, body: propertyDocument(property), headers };
      },
    }),
    route({
      method: 'PUT',
      path: '/api/v1/devices/{namespace}/{name}/properties/{property}/desired',
      access: 'operator',
      scoped: true,
      summary: 'Sets what a property should be. Durable at the hub when it is answered.',
      body: v.strictObject({ value: v.unknown() }),
      headers: {
        'If-Match': 'Set only if this is the present desired version ("0.0": none yet), else 412.',
      },
      answers: [
        { status: 200, summary: 'Set, and in sync already.', schema: AcceptedSchema, etag: true },
        {
          status: 202,
          summary: 'Set; on its way to the device. GET or watch the property to see it arrive.',
          schema: AcceptedSchema,
          etag: true,
        },
      ],
      handle: (request) => setDesired(within(fleet, request.identity.nodes), request),
    }),
  ];
}

async function setDesired(
  fleet: FleetPart,
  request: RouteRequest<unknown, { value: unknown }>,
): Promise<Reply> {
  const { params, body, identity } = request;
  const ifMatch = request.header('if-match');
  const ifVersion = ifMatch === undefined ? undefined : versionOf(ifMatch);
  const device = deviceId(params);
  const property = params['property'] ?? '';
  const desired = await fleet.setDesired({
    device,
    property,
    value: peerValue(body.value),
    ...(ifVersion === undefined ? {} : { ifVersion }),
    actor: actorOf(identity),
  });
  const { value, version } = desired;
  const present = fleet.device(device)?.properties.find((p) => p.description.name === property);
  const settled =
    present?.state === 'in-sync' &&
    present.desired !== undefined &&
    sameVersion(present.desired.version, version);
  return {
    status: settled ? 200 : 202,
    body: { device, property, desired: { value, version: formatVersion(version) } },
    headers: { etag: etag(version) },
  };
}

function nodeOf(fleet: FleetPart, params: Params): NodeView {
  const name = params['node'] ?? '';
  const node = fleet.node(name);
  if (node !== undefined) return node;
  throw new EdgeError('EDGE_NO_NODE', `there is no node ${name}`, {
    hint: 'GET /api/v1/nodes lists the nodes that have joined.',
  });
}

function byName(nodes: readonly NodeView[]): NodeView[] {
  return [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function deviceOf(fleet: FleetPart, params: Params): DeviceView {
  const id = deviceId(params);
  const device = fleet.device(id);
  if (device !== undefined) return device;
  throw new EdgeError('EDGE_NO_DEVICE', `there is no device ${id}`, {
    hint: 'GET /api/v1/devices lists the devices that gateways have reported.',
  });
}

function propertyOf(device: DeviceView, params: Params): HubPropertyView {
  const name = params['property'] ?? '';
  const property = device.properties.find((one) => one.description.name === name);
  if (property !== undefined) return property;
  throw new EdgeError('EDGE_NO_PROPERTY', `${device.description.id} has no property ${name}`, {
    hint: 'GET the device to see its properties.',
  });
}

function deviceId(params: Params): string {
  return `${params['namespace'] ?? ''}/${params['name'] ?? ''}`;
}

function etag(version: Version): string {
  return `"${formatVersion(version)}"`;
}

/** One strong tag (RFC 9110 section 13.1.1): a list or `*` says nothing useful of a version. */
function versionOf(ifMatch: string): Version {
  const tag = /^"([^"]*)"$/.exec(ifMatch.trim())?.[1];
  const version = tag === undefined ? undefined : parseVersion(tag);
  if (version !== undefined) return version;
  throw new EdgeError('EDGE_MALFORMED', 'If-Match is not one version', {
    hint: 'Send the ETag of the property as it came, with its quotes: "1.5", or "0.0" for none yet.',
  });
}
