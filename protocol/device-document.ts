import { describeDevice } from './device.js';
import type { Device, DeviceId, Property, ProtocolConfig } from './device.js';
import { DocumentIssues, suggest } from './device-document-issues.js';
import type { DocumentIssue, Report } from './device-document-issues.js';
import { readMethods } from './device-document-method.js';
import { readPropertyModel, mergeProperty } from './device-document-property.js';
import type { PropertyModel } from './device-document-property.js';
import { API_VERSION_ALPHA, fromAlpha } from './device-document-v1alpha2.js';
import { API_GROUP, deviceDocument, modelDocument } from './device-schema.js';
import type { DeviceDocument, ModelDocument } from './device-schema.js';
import { LIMITS } from './limits.js';
import { normaliseModbusConfig } from './modbus-spelling.js';
import { checkShape, isMap } from './schema-shape.js';
import type { Path, Shape } from './schema-shape.js';
import { valueProblem } from './value-check-json.js';

/** Most files without a kind were meant to be the short form. */
const KIND_HINT =
  'Begin with template: and the kind of device (edgetwin mapper template list), or write kind: Device of a whole document.';

/** What to do about a DeviceModel that is nowhere, first of all when its name is nearly another's. */
export function missingModelHint(suggestion?: string): string {
  const add = 'dd the document of the model to the device files.';
  return suggestion === undefined ? `A${add}` : `Write ${suggestion}, or a${add}`;
}

/** One parsed YAML or JSON document. `source` is for people: a file name. */
export interface SourceDocument {
  readonly value: unknown;
  readonly source: string;
  /** The line of the source, from 1, where a path stands. */
  readonly lineOf?: (path: Path) => number;
}

/** A device, and where it was written: see `locateInDocuments`. */
export interface DeviceSource {
  readonly device: Device;
  readonly deviceDocument: number;
  readonly modelDocument: number;
  /** The gateway that the document names. */
  readonly nodeName?: string | undefined;
}

export interface ReadOptions {
  /** This gateway: devices of other nodes are left out with a warning. Without it, none are. */
  readonly node?: string;
}

/**
 * Reads KubeEdge Device and DeviceModel documents, in any order, of versions v1beta1 and v1alpha2.
 * The device's settings go over its model's. Devices with an error are left out; empty documents
 * and DeviceStatus are passed over. Never throws for what a document contains.
 */
export function readDocuments(
  documents: readonly SourceDocument[],
  options: ReadOptions = {},
): { readonly devices: readonly DeviceSource[]; readonly issues: readonly DocumentIssue[] } {
  const reader = new DocumentReader(documents);
  documents.forEach(({ value }, index) => reader.sort(value, index));
  return { devices: reader.devices(options), issues: reader.issues.list };
}

interface Model {
  readonly document: number;
  readonly spec: ModelDocument['spec'];
  readonly properties: ReadonlyMap<string, PropertyModel>;
}

class DocumentReader {
  readonly issues = new DocumentIssues();
  readonly #documents: readonly SourceDocument[];
  /** A model with errors is undefined: its devices are not told that it is missing. */
  readonly #models = new Map<DeviceId, Model | undefined>();
  readonly #devices = new Map<DeviceId, { document: number; content: DeviceDocument }>();

  constructor(documents: readonly SourceDocument[]) {
    this.#documents = documents;
  }

  /** First pass: what kind of document it is, and its shape. */
  sort(value: unknown, document: number): void {
    const report = this.issues.at(document);
    const problem = valueProblem(value ?? null, LIMITS.documentBytes);
    if (problem !== undefined) report.error([], `is ${problem.rule}`);
    else if (isMap(value)) this.#sortMap(value, document, report);
    else if (value !== null && value !== undefined)
      report.error([], 'is not a Device or a DeviceModel');
  }

  #sortMap(value: Readonly<Record<string, unknown>>, document: number, report: Report): void {
    const { apiVersion, kind } = value;
    const current = apiVersion === API_VERSION_ALPHA ? fromAlpha(value) : value;
    if (typeof apiVersion === 'string' && !apiVersion.startsWith(`${API_GROUP}/`))
      report.warn(['apiVersion'], `is ignored: not of ${API_GROUP}`);
    else if (kind === 'DeviceModel') this.#readModel(current, document, report);
    else if (kind === 'Device') this.#readDevice(current, document, report);
    else if (typeof kind !== 'string') report.error(['kind'], 'is missing', { hint: KIND_HINT });
    else if (kind !== 'DeviceStatus')
      report.error(
        ['kind'],
        `is ${kind}, not Device or DeviceModel`,
        suggest(kind, ['Device', 'DeviceModel']),
      );
  }

  /** Second pass, when every model is known. */
  devices({ node }: ReadOptions): DeviceSource[] {
    const found: DeviceSource[] = [];
    for (const { document, content } of this.#devices.values()) {
      const report = this.issues.at(document);
      const { nodeName } = content.spec;
      if (node !== undefined && nodeName !== undefined && nodeName !== node) {
        report.warn(['spec', 'nodeName'], `is ${nodeName}: the device is left out of ${node}`);
        continue;
      }
      const errors = this.issues.errors;
      const source = this.#merge(document, content, report);
      if (source === undefined || this.issues.errors !== errors) continue;
      if (found.length < LIMITS.devicesPerNode) found.push(source);
      else report.error([], `is over the ${LIMITS.devicesPerNode} devices of a node`);
    }
    return found;
  }

  #readModel(value: unknown, document: number, report: Report): void {
    const id = idOf(value);
    const earlier = id === undefined ? undefined : this.#models.get(id);
    if (earlier !== undefined) {
      this.#twice(earlier.document, 'model', report);
      return;
    }
    const errors = this.issues.errors;
    const content = shaped(modelDocument, value, report);
    const properties = new Map<string, PropertyModel>();
    content?.spec.properties?.forEach((property, index) => {
      const path = ['spec', 'properties', index];
      const model = readPropertyModel(property, this.issues.at(document, path));
      if (properties.has(property.name))
        report.error([...path, 'name'], `is ${property.name} for a second time`);
      else if (model !== undefined) properties.set(property.name, model);
    });
    const sound = content !== undefined && this.issues.errors === errors;
    if (id !== undefined)
      this.#models.set(id, sound ? { document, spec: content.spec, properties } : undefined);
  }

  #readDevice(value: unknown, document: number, report: Report): void {
    const content = shaped(deviceDocument, value, report);
    if (content === undefined) return;
    const id = deviceId(content.metadata);
    const earlier = this.#devices.get(id);
    if (earlier === undefined) this.#devices.set(id, { document, content });
    else this.#twice(earlier.document, 'device', report);
  }

  #twice(earlier: number, what: string, report: Report): void {
    const path = ['metadata', 'name'];
    const { source = '', lineOf } = this.#documents[earlier] ?? {};
    const place = lineOf === undefined ? source : `${source}:${lineOf(path)}`;
    report.error(path, `is the name of another ${what} too, in ${place}`, {
      hint: `Each ${what} of a namespace has a name of its own: give one of the two another.`,
    });
  }

  #merge(document: number, content: DeviceDocument, report: Report): DeviceSource | undefined {
    const { metadata, spec } = content;
    const model = this.#modelOf(content, report);
    if (model === undefined) return undefined;
    const named = spec.protocol?.protocolName ?? model.spec.protocol;
    if (named === undefined) {
      report.error(['spec', 'protocol'], 'names no protocol, nor does the model');
      return undefined;
    }
    const isModbus = named.toLowerCase() === 'modbus';
    const protocolName = isModbus ? 'modbus' : named;
    const shared = model.spec.protocolConfigData ?? {};
    const own = spec.protocol?.configData ?? {};
    const configData = isModbus ? normaliseModbusConfig(shared, own) : { ...shared, ...own };
    const description = describedBy(metadata);
    const protocol = { protocolName, configData };
    const properties = this.#properties(document, spec, model, protocol);
    const methods = readMethods(spec.methods, properties, (path) => this.issues.at(document, path));
    const device: Device = {
      id: deviceId(metadata),
      model: spec.deviceModelRef.name,
      ...(description === undefined ? {} : { description }),
      protocol,
      properties,
      ...(methods.length === 0 ? {} : { methods }),
    };
    const announced = valueProblem(describeDevice(device), LIMITS.messageBytes / 2);
    if (announced !== undefined)
      report.error([], `has a description for the hub ${announced.rule}`);
    const { nodeName } = spec;
    return { device, deviceDocument: document, modelDocument: model.document, nodeName };
  }

  #modelOf({ metadata, spec }: DeviceDocument, report: Report): Model | undefined {
    const { name } = spec.deviceModelRef;
    const id = deviceId({ ...metadata, name });
    if (this.#models.has(id)) return this.#models.get(id);
    const prefix = id.slice(0, -name.length);
    const known = [...this.#models.keys()].filter((model) => model.startsWith(prefix));
    const meant = suggest(
      name,
      known.map((model) => model.slice(prefix.length)),
    );
    report.error(
      ['spec', 'deviceModelRef', 'name'],
      `is ${name}, and no DeviceModel of that name is here`,
      { hint: missingModelHint(meant.suggestion), ...meant },
    );
    return undefined;
  }

  /** The listed ones, and those that the model itself says how to read; all when none is listed. */
  #properties(
    document: number,
    spec: DeviceDocument['spec'],
    model: Model,
    protocol: ProtocolConfig,
  ): Property[] {
    const listed = new Map<string, number>();
    spec.properties?.forEach(({ name }, index) => {
      const report = this.issues.at(document, ['spec', 'properties', index, 'name']);
      if (listed.has(name)) report.error([], `is ${name} for a second time`);
      else if (model.properties.has(name)) listed.set(name, index);
      else
        report.error(
          [],
          `is ${name}, which the model ${spec.deviceModelRef.name} does not have`,
          suggest(name, model.properties.keys()),
        );
    });
    const all = (spec.properties ?? []).length === 0;
    return [...model.properties.values()]
      .filter(({ name, visitors }) => all || visitors !== undefined || listed.has(name))
      .map((property) => {
        const index = listed.get(property.name);
        const instance = index === undefined ? undefined : spec.properties?.[index];
        const path = index === undefined ? [] : ['spec', 'properties', index];
        return mergeProperty(property, instance, protocol, this.issues.at(document, path));
      });
  }
}

function shaped<T>(shape: Shape<T>, value: unknown, report: Report): T | undefined {
  const { output, issues } = checkShape(shape, value);
  let misspelt = false;
  for (const { path, message, ...extra } of issues) {
    // A key of a newer KubeEdge must not keep a device from loading; a misspelt one must.
    const harmless = extra.unknownKey === true && extra.suggestion === undefined;
    if (harmless) report.warn(path, message, extra);
    else report.error(path, message, extra);
    misspelt ||= extra.unknownKey === true && !harmless;
  }
  return misspelt ? undefined : output;
}

function deviceId(metadata: { name: string; namespace?: string | undefined }): DeviceId {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}

/** The id of a document whose shape may be wrong elsewhere. */
function idOf(value: unknown): DeviceId | undefined {
  const metadata = isMap(value) ? value['metadata'] : undefined;
  if (!isMap(metadata) || typeof metadata['name'] !== 'string') return undefined;
  const { name, namespace } = metadata;
  return deviceId({ name, namespace: typeof namespace === 'string' ? namespace : undefined });
}

/** KubeEdge's Device has no field for it; its samples use a label. */
function describedBy({ annotations, labels }: DeviceDocument['metadata']): string | undefined {
  const text = annotations?.['description'] ?? labels?.['description'];
  return typeof text === 'string' ? text.slice(0, LIMITS.textChars) : undefined;
}
