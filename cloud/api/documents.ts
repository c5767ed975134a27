import * as v from 'valibot';
import {
  deviceHead,
  desiredDocument,
  isoTime,
  propertyHead,
  reportedDocument,
} from '#protocol/twin-document.js';
import type { DeviceDocument, PropertyDocument } from '#protocol/twin-document.js';
import { formatVersion } from '#protocol/twin.js';
import { commandDocument } from './command-document.js';
import type {
  DeviceView,
  FleetChange,
  HubPropertyView,
  NodeHistoryView,
  NodeView,
} from '../fleet.js';
import { ROLES } from './roles.js';
import type { OperatorRow } from './operators.js';

const version = v.pipe(
  v.string(),
  v.regex(/^\d{1,15}\.\d{1,15}$/),
  v.description('Generation and counter; "0.0" is lower than every version that was given.'),
);
const time = v.pipe(v.string(), v.description('RFC 3339, UTC; for people, never for order.'));
const clock = v.pipe(
  v.picklist(['synced', 'floor', 'unknown']),
  v.description('How far the timestamp may be believed: floor is not later than the truth.'),
);
const value = v.pipe(v.unknown(), v.description('Any JSON value, at most 8 KiB encoded.'));
const text = v.string();

const Reported = v.strictObject({
  value,
  quality: v.picklist(['good', 'uncertain', 'bad']),
  reason: v.exactOptional(text),
  version,
  timestamp: v.exactOptional(time),
  clock: v.exactOptional(clock),
  desiredVersion: version,
});

const Desired = v.strictObject({ value, version });

export const PropertySchema = v.strictObject({
  name: text,
  description: v.exactOptional(text),
  type: v.picklist(['int', 'float', 'double', 'string', 'boolean', 'bytes', 'json']),
  access: v.picklist(['ReadWrite', 'ReadOnly']),
  minimum: v.exactOptional(v.number()),
  maximum: v.exactOptional(v.number()),
  unit: v.exactOptional(text),
  reportCycleMs: v.number(),
  history: v.exactOptional(v.literal(true)),
  reported: v.exactOptional(Reported),
  desired: v.exactOptional(Desired),
  state: v.picklist(['in-sync', 'pending', 'failed', 'stale']),
  reason: v.exactOptional(text),
  storedOnGateway: v.boolean(),
  ageMs: v.exactOptional(v.number()),
});

export const DeviceSchema = v.strictObject({
  id: v.pipe(text, v.description('namespace/name')),
  node: text,
  model: text,
  protocol: text,
  description: v.exactOptional(text),
  incarnation: version,
  hub: v.exactOptional(
    v.pipe(
      v.strictObject({ version, storedOnGateway: v.boolean() }),
      v.description('It was created at this hub; absent: it stands in a file of its gateway.'),
    ),
  ),
  properties: v.array(PropertySchema),
  methods: v.exactOptional(
    v.array(
      v.strictObject({
        name: text,
        description: v.exactOptional(text),
        properties: v.array(text),
      }),
    ),
  ),
});

export const NodeSchema = v.strictObject({
  name: text,
  online: v.boolean(),
  address: v.exactOptional(text),
  transport: v.exactOptional(text),
  link: v.exactOptional(
    v.pipe(
      v.strictObject({
        rttMs: v.exactOptional(v.number()),
        silentMs: v.exactOptional(v.number()),
        loss: v.exactOptional(v.number()),
        lossIn: v.exactOptional(v.number()),
        redundancy: v.exactOptional(v.number()),
        sentPerDelivered: v.exactOptional(v.number()),
      }),
      v.description(
        'What the transport can tell: round trip; how long it has waited for an answer, when that is long; shares of packets lost on the way to the gateway and from it; bytes sent per byte that had to be, and per byte of payload that arrived.',
      ),
    ),
  ),
  software: v.exactOptional(text),
  epoch: v.number(),
  devices: v.number(),
  lastHeard: v.exactOptional(time),
  history: v.exactOptional(
    v.pipe(
      v.strictObject({
        applied: v.number(),
        dropped: v.number(),
        rejected: v.number(),
        refusals: v.array(
          v.strictObject({ device: text, property: text, code: text, at: v.exactOptional(time) }),
        ),
      }),
      v.description('Samples: kept here, given up by the gateway, refused (the newest are named).'),
    ),
  ),
  alarms: v.array(v.strictObject({ code: text, detail: text })),
});

export const AcceptedSchema = v.strictObject({ device: text, property: text, desired: Desired });

export const OperatorSchema = v.strictObject({
  name: text,
  role: v.picklist(ROLES),
  nodes: v.exactOptional(v.array(text)),
  created: v.exactOptional(time),
  expires: v.exactOptional(time),
  lastUsed: v.exactOptional(time),
});

const Alarms = v.array(v.strictObject({ code: text, message: text }));

export const HealthSchema = v.strictObject({
  status: v.picklist(['ok', 'failing']),
  alarms: Alarms,
  warnings: v.optional(Alarms),
});

export type NodeDocument = v.InferOutput<typeof NodeSchema>;

export function nodeDocument(node: NodeView): NodeDocument {
  const { name, online, address, transport, software, epoch, devices, alarms } = node;
  const lastHeard = node.lastHeard === undefined ? undefined : isoTime(node.lastHeard);
  return {
    name,
    online,
    ...(address === undefined ? {} : { address }),
    ...(transport === undefined ? {} : { transport }),
    ...(node.link === undefined ? {} : { link: node.link }),
    ...(software === undefined ? {} : { software }),
    epoch,
    devices,
    ...(lastHeard === undefined ? {} : { lastHeard }),
    ...(node.history === undefined ? {} : { history: nodeHistory(node.history) }),
    alarms: alarms.map(({ code, detail }) => ({ code, detail })),
  };
}

function nodeHistory({
  refusals,
  ...counts
}: NodeHistoryView): NonNullable<NodeDocument['history']> {
  return {
    ...counts,
    refusals: refusals.map(({ at, ...refusal }) => {
      const time = isoTime(at);
      return time === undefined ? refusal : { ...refusal, at: time };
    }),
  };
}

export function deviceDocument(device: DeviceView): DeviceDocument {
  return {
    ...deviceHead(device.description),
    node: device.node,
    incarnation: formatVersion(device.incarnation),
    ...(device.hub === undefined
      ? {}
      : { hub: { ...device.hub, version: formatVersion(device.hub.version) } }),
    properties: device.properties.map(propertyDocument),
  };
}

export function propertyDocument(view: HubPropertyView): PropertyDocument {
  const { description, reported, desired, state, reason, storedOnGateway, ageMs } = view;
  return {
    ...propertyHead(description),
    ...(reported === undefined ? {} : { reported: reportedDocument(reported) }),
    ...(desired === undefined ? {} : { desired: desiredDocument(desired) }),
    state,
    ...(reason === undefined ? {} : { reason }),
    storedOnGateway,
    ...(ageMs === undefined ? {} : { ageMs: Math.round(ageMs) }),
  };
}

export function operatorDocument(row: OperatorRow): v.InferOutput<typeof OperatorSchema> {
  const created = isoTime(row.created);
  const expires = row.expires === undefined ? undefined : isoTime(row.expires);
  const lastUsed = row.lastUsed === undefined ? undefined : isoTime(row.lastUsed);
  return {
    name: row.name,
    role: row.role,
    ...(row.nodes === undefined ? {} : { nodes: [...row.nodes] }),
    ...(created === undefined ? {} : { created }),
    ...(expires === undefined ? {} : { expires }),
    ...(lastUsed === undefined ? {} : { lastUsed }),
  };
}

/** The data of one event of a watch. */
export function changeDocument(change: FleetChange): unknown {
  switch (change.kind) {
    case 'node':
      return nodeDocument(change.node);
    case 'device':
      return deviceDocument(change.device);
    case 'property': {
      const { node, device, property } = change;
      return { node, device, property: propertyDocument(property) };
    }
    case 'command':
      return commandDocument(change.command);
    case 'device-removed':
      return { node: change.node, device: change.device };
  }
}
