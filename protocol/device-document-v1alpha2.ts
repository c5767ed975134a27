import { API_VERSION } from './device-schema.js';
import { isMap } from './schema-shape.js';

export const API_VERSION_ALPHA = 'devices.kubeedge.io/v1alpha2';

type Map = Readonly<Record<string, unknown>>;

/**
 * A v1alpha2 Device or DeviceModel in the spelling of v1beta1, so that one reader serves both
 * (KubeEdge pkg/apis/devices/v1alpha2). What is not understood is passed on for the reader to
 * judge; issues then name the v1beta1 key.
 */
export function fromAlpha(document: Map): Map {
  const spec = map(document['spec']);
  const model = document['kind'] === 'DeviceModel';
  return {
    ...document,
    apiVersion: API_VERSION,
    spec: model ? modelSpec(spec) : deviceSpec(spec, list(map(document['status'])['twins'])),
  };
}

function modelSpec({ properties, protocol }: Map): Map {
  return {
    properties: list(properties).map(({ name, description, type, ...rest }) => {
      const [kind, limits] = Object.entries(map(type))[0] ?? [];
      const kept = without(map(limits), ['defaultValue']);
      return present({ name, description, ...rest, type: kind ?? type, ...kept });
    }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}

function deviceSpec(spec: Map, twins: readonly Map[]): Map {
  const { nodeSelector, propertyVisitors, protocol, ...rest } = without(spec, ['data']);
  const { protocolName, configData } = protocolOf(map(protocol));
  const node = nodeOf(map(nodeSelector));
  const visited = list(propertyVisitors);
  const names = new Set([...visited, ...twins].map(({ propertyName }) => propertyName));
  return {
    ...rest,
    ...(node === undefined ? {} : { nodeName: node }),
    protocol: { protocolName, configData },
    properties: [...names].map((name) => {
      const visitor = visited.find(({ propertyName }) => propertyName === name) ?? {};
      const twin = twins.find(({ propertyName }) => propertyName === name) ?? {};
      return present({
        name,
        desired: twin['desired'],
        collectCycle: visitor['collectCycle'],
        reportCycle: visitor['reportCycle'],
        visitors: visitorsOf(visitor),
      });
    }),
  };
}

/** `protocol.modbus.slaveID` and `protocol.common.{com,tcp}` are one map here. */
function protocolOf(protocol: Map): { protocolName: unknown; configData: Map } {
  const { common, customizedProtocol, ...named } = protocol;
  const custom = map(customizedProtocol);
  const [protocolName, settings] = Object.entries(named)[0] ?? [];
  return {
    protocolName: protocolName ?? custom['protocolName'],
    configData: { ...map(common), ...map(settings), ...map(custom['configData']) },
  };
}

/** In a visitor, every other key is the name of a protocol. */
const NOT_A_PROTOCOL = ['propertyName', 'collectCycle', 'reportCycle', 'customizedValues'];

function visitorsOf(visitor: Map): Map | undefined {
  const { customizedProtocol, ...others } = visitor;
  const named = without(others, NOT_A_PROTOCOL);
  const [protocolName, configData] = Object.entries(named)[0] ?? [];
  if (protocolName !== undefined) return { protocolName, configData };
  return customizedProtocol === undefined ? undefined : map(customizedProtocol);
}

function nodeOf(selector: Map): unknown {
  return list(selector['nodeSelectorTerms'])
    .flatMap((term) => list(term['matchExpressions']))
    .flatMap(({ values }) => (Array.isArray(values) ? (values as readonly unknown[]) : []))[0];
}

function map(value: unknown): Map {
  return isMap(value) ? value : {};
}

function list(value: unknown): readonly Map[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function without(value: Map, keys: readonly string[]): Map {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

function present(value: Map): Map {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
