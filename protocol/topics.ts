import type { DeviceId } from './device.js';
import { isName } from './name.js';

/**
 * KubeEdge's MQTT topics (common/constants and edge/pkg/devicetwin of KubeEdge, docs/mqtt.md).
 * Pure and total: a topic that is none of these parses as undefined, and nothing throws.
 */

/** Levels of a device id in a topic: `name` before KubeEdge 1.15, `namespace/name` since. */
export type IdDepth = 1 | 2;

export const DEVICE_ACTIONS = [
  'twin/update',
  'twin/update/result',
  'twin/update/delta',
  'twin/update/document',
  'twin/get',
  'twin/get/result',
  'twin/cloud_updated',
  'state/update',
  'state/update/result',
  'command',
  'command/result',
  'updated',
] as const;
export type DeviceAction = (typeof DEVICE_ACTIONS)[number];

const NODE_ACTIONS = ['membership/get', 'membership/get/result', 'membership/updated'] as const;
export type NodeAction = (typeof NODE_ACTIONS)[number];

export type EventTopic =
  | {
      readonly kind: 'device';
      readonly device: DeviceId;
      /** As the client wrote it: answers go back on the same depth. */
      readonly depth: IdDepth;
      readonly action: DeviceAction;
    }
  | { readonly kind: 'node'; readonly node: string; readonly action: NodeAction }
  /** Application data of a device, not processed by the runtime: `$ke/.../data/update`. */
  | { readonly kind: 'data'; readonly device: DeviceId; readonly depth: IdDepth };

const DEVICE_PREFIX = '$hw/events/device/';
const NODE_PREFIX = '$hw/events/node/';
const DATA_PREFIX = '$ke/events/device/';
const DEFAULT_NAMESPACE = 'default';

const deviceActions: ReadonlySet<string> = new Set(DEVICE_ACTIONS);
const nodeActions: ReadonlySet<string> = new Set(NODE_ACTIONS);

export function parseTopic(topic: string): EventTopic | undefined {
  if (topic.startsWith(DEVICE_PREFIX)) {
    const found = splitDevice(topic.slice(DEVICE_PREFIX.length), isDeviceAction);
    return found && { kind: 'device', ...found };
  }
  if (topic.startsWith(NODE_PREFIX)) {
    const rest = topic.slice(NODE_PREFIX.length);
    const end = rest.indexOf('/');
    const [node, action] = [rest.slice(0, end), rest.slice(end + 1)];
    if (end < 1 || !isName(node) || !isNodeAction(action)) return undefined;
    return { kind: 'node', node, action };
  }
  if (topic.startsWith(DATA_PREFIX)) {
    const found = splitDevice(topic.slice(DATA_PREFIX.length), isDataAction);
    return found && { kind: 'data', device: found.device, depth: found.depth };
  }
  return undefined;
}

/** No topic fits both depths: no action begins with a level and goes on with another action. */
function splitDevice<Action extends string>(
  rest: string,
  isAction: (text: string) => text is Action,
): { device: DeviceId; depth: IdDepth; action: Action } | undefined {
  const first = rest.indexOf('/');
  if (first < 1) return undefined;
  const name = rest.slice(0, first);
  const afterFirst = rest.slice(first + 1);
  if (!isName(name)) return undefined;
  if (isAction(afterFirst))
    return { device: `${DEFAULT_NAMESPACE}/${name}`, depth: 1, action: afterFirst };
  const second = afterFirst.indexOf('/');
  const inner = afterFirst.slice(0, second);
  const action = afterFirst.slice(second + 1);
  if (second < 1 || !isName(inner) || !isAction(action)) return undefined;
  return { device: `${name}/${inner}`, depth: 2, action };
}

/** Only devices of the namespace `default` have a one-level form; others get their two levels. */
export function deviceTopic(device: DeviceId, depth: IdDepth, action: DeviceAction): string {
  return `${DEVICE_PREFIX}${idForTopic(device, depth)}/${action}`;
}

export function dataTopic(device: DeviceId, depth: IdDepth): string {
  return `${DATA_PREFIX}${idForTopic(device, depth)}/data/update`;
}

export function nodeTopic(node: string, action: NodeAction): string {
  return `${NODE_PREFIX}${node}/${action}`;
}

/** The depths under which a device's topics exist. */
export function depthsOf(device: DeviceId): readonly IdDepth[] {
  return device.startsWith(`${DEFAULT_NAMESPACE}/`) ? [2, 1] : [2];
}

function idForTopic(device: DeviceId, depth: IdDepth): string {
  const prefix = `${DEFAULT_NAMESPACE}/`;
  if (depth === 1 && device.startsWith(prefix)) return device.slice(prefix.length);
  return device;
}

function isDeviceAction(text: string): text is DeviceAction {
  return deviceActions.has(text);
}

function isNodeAction(text: string): text is NodeAction {
  return nodeActions.has(text);
}

function isDataAction(text: string): text is 'data/update' {
  return text === 'data/update';
}
