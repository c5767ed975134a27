import { API_VERSION } from '#protocol/device-schema.js';
import { isMap } from '#protocol/schema-shape.js';

/** Keys of the short form that are not settings of the protocol. */
const NAMES = ['template', 'name', 'namespace', 'description'] as const;

/**
 * A device in a few lines, as the KubeEdge document that it stands for; any other document as it
 * is. `template` is a DeviceModel of these files or of the library; `unit` is the Modbus unit, and
 * every key that is not named here is a setting of the protocol:
 *
 *     template: sdm120
 *     name: meter-1
 *     port: /dev/ttyUSB0
 *     unit: 1
 */
export function expandShortForm(value: unknown): unknown {
  if (!isMap(value) || !('template' in value) || 'kind' in value) return value;
  const { template, name, namespace, description, unit, ...rest } = value;
  const configData = Object.fromEntries(
    Object.entries(rest).filter(([key]) => !(NAMES as readonly string[]).includes(key)),
  );
  const protocolName = typeof rest['protocol'] === 'string' ? rest['protocol'] : undefined;
  if (protocolName !== undefined) delete configData['protocol'];
  return {
    apiVersion: API_VERSION,
    kind: 'Device',
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(description === undefined ? {} : { annotations: { description } }),
    },
    spec: {
      deviceModelRef: { name: template },
      protocol: {
        ...(protocolName === undefined ? {} : { protocolName }),
        configData: { ...configData, ...(unit === undefined ? {} : { unitId: unit }) },
      },
    },
  };
}

/** Where a path of the expanded document stands in the short one. */
export function shortPath(path: readonly (string | number)[]): (string | number)[] {
  const [first, second, third, ...rest] = path;
  if (first === 'metadata') return second === undefined ? [] : [second];
  if (first !== 'spec') return [];
  if (second === 'deviceModelRef') return ['template'];
  if (second !== 'protocol') return [];
  if (third !== 'configData') return third === 'protocolName' ? ['protocol'] : [];
  return rest[0] === 'unitId' ? ['unit'] : rest;
}

export interface ModelReference {
  readonly namespace: string;
  readonly name: string;
}

/** Models that devices here refer to and that no document here is. */
export function missingModels(documents: readonly unknown[]): ModelReference[] {
  const missing = new Map<string, ModelReference>();
  const present = new Set<string>();
  for (const document of documents) {
    if (!isMap(document) || !isMap(document['metadata']) || !isMap(document['spec'])) continue;
    const { kind, metadata, spec } = document;
    const { name: own, namespace = 'default' } = metadata;
    const reference = spec['deviceModelRef'];
    if (typeof namespace !== 'string') continue;
    if (kind === 'DeviceModel') present.add(`${namespace}/${String(own)}`);
    else if (isMap(reference) && typeof reference['name'] === 'string') {
      const { name } = reference;
      missing.set(`${namespace}/${name}`, { namespace, name });
    }
  }
  return [...missing].filter(([id]) => !present.has(id)).map(([, model]) => model);
}
