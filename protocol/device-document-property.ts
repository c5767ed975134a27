import type { AccessMode, Property, PropertyType, ProtocolConfig } from './device.js';
import {
  CYCLE_DEFAULT_MS,
  CYCLE_SUSPECT_MS,
  defaultCycleMs,
  parseCycle,
} from './device-document-cycle.js';
import type { Report } from './device-document-issues.js';
import type { InstanceProperty, ModelProperty } from './device-schema.js';
import { EdgeError } from './errors.js';
import { checkValue, parseText } from './value-check.js';
import type { Value } from './twin.js';

/** What a model says of a property, read once for all of its devices. */
export interface PropertyModel {
  readonly name: string;
  readonly description?: string;
  readonly type: PropertyType;
  readonly access: AccessMode;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly unit?: string;
  readonly history?: true;
  readonly visitors?: ModelProperty['visitors'];
}

/** KubeEdge's property types, and JSON, which is ours. */
const TYPES: Readonly<Record<string, PropertyType>> = {
  INT: 'int',
  FLOAT: 'float',
  DOUBLE: 'double',
  STRING: 'string',
  BOOLEAN: 'boolean',
  BYTES: 'bytes',
  JSON: 'json',
};

export function readPropertyModel(
  document: ModelProperty,
  report: Report,
): PropertyModel | undefined {
  const { name, description, unit, history, visitors } = document;
  const upper = document.type.toUpperCase();
  const type = Object.hasOwn(TYPES, upper) ? TYPES[upper] : undefined;
  if (upper === 'STREAM')
    report.error(['type'], 'is STREAM, which edgetwin does not carry', {
      hint: 'Leave the property out.',
    });
  else if (type === undefined)
    report.error(['type'], `is not one of ${Object.keys(TYPES).join(', ')}`);
  const minimum = readBound('minimum', document.minimum, type, report);
  const maximum = readBound('maximum', document.maximum, type, report);
  if (minimum !== undefined && maximum !== undefined && minimum > maximum)
    report.error(['minimum'], `is ${minimum}, above the maximum of ${maximum}`);
  if (type === undefined) return undefined;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    type,
    access: document.accessMode ?? 'ReadOnly',
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(unit === undefined ? {} : { unit }),
    ...(history === true ? { history } : {}),
    ...(visitors === undefined ? {} : { visitors }),
  };
}

/** The instance's settings over the model's. `protocol`: the device's. */
export function mergeProperty(
  model: PropertyModel,
  instance: InstanceProperty | undefined,
  { protocolName, configData }: ProtocolConfig,
  report: Report,
): Property {
  const { visitors, history: modelHistory = false, ...description } = model;
  if (instance?.pushMethod !== undefined)
    report.warn(['pushMethod'], 'is ignored: edgetwin does not push to other systems');
  const visitor = mergeVisitors(visitors, instance?.visitors, protocolName, report);
  const { collectCycle, reportCycle } = instance ?? {};
  const absentMs = defaultCycleMs(configData, visitor?.configData);
  const collectCycleMs = readCycle('collectCycle', collectCycle, absentMs, report);
  const reportCycleMs = readCycle('reportCycle', reportCycle, CYCLE_DEFAULT_MS, report);
  const desired = readDesired(model, instance, report);
  const reportToCloud = instance?.reportToCloud ?? true;
  const history = instance?.history ?? modelHistory;
  // Samples have one numbering, which the hub accounts for without a gap.
  if (history && !reportToCloud)
    report.warn(['history'], 'is ignored: the property stays on the gateway', {
      hint: 'Leave reportToCloud at true to keep its history.',
    });
  return {
    ...description,
    ...(history && reportToCloud ? { history: true } : {}),
    // Nothing new can be reported between two readings, and the hub must not call that stale.
    reportCycleMs: Math.max(reportCycleMs, collectCycleMs),
    collectCycleMs,
    reportToCloud,
    ...(visitor === undefined ? {} : { visitor }),
    ...(desired === undefined ? {} : { desired }),
  };
}

function mergeVisitors(
  model: ModelProperty['visitors'],
  instance: InstanceProperty['visitors'],
  protocolName: string,
  report: Report,
): ProtocolConfig | undefined {
  if (model === undefined && instance === undefined) return undefined;
  const named = instance?.protocolName ?? model?.protocolName ?? protocolName;
  if (named.toLowerCase() !== protocolName.toLowerCase())
    report.error(
      ['visitors', 'protocolName'],
      `is ${JSON.stringify(named)}, but the device speaks ${JSON.stringify(protocolName)}`,
      { hint: 'A device speaks one protocol.' },
    );
  return { protocolName, configData: { ...model?.configData, ...instance?.configData } };
}

function readBound(
  key: 'minimum' | 'maximum',
  bound: string | number | undefined,
  type: PropertyType | undefined,
  report: Report,
): number | undefined {
  if (bound === undefined || bound === '') return undefined;
  const number = typeof bound === 'string' ? Number(bound.trim() || Number.NaN) : bound;
  if (!Number.isFinite(number)) {
    report.error([key], `is ${JSON.stringify(bound)}, which is not a number`);
    return undefined;
  }
  return type === 'int' || type === 'float' || type === 'double' ? number : undefined;
}

function readCycle(
  key: 'collectCycle' | 'reportCycle',
  cycle: string | number | undefined,
  absentMs: number,
  report: Report,
): number {
  if (cycle === undefined || cycle === '') return absentMs;
  const ms = parseCycle(cycle);
  if (ms === undefined || !Number.isSafeInteger(ms)) {
    report.error([key], `is ${JSON.stringify(cycle)}, which is not a length of time`, {
      hint: 'Write milliseconds, or a number with a unit: 500ms, 10s, 2m.',
    });
    return absentMs;
  }
  if (ms > CYCLE_SUSPECT_MS)
    report.warn([key], `is ${ms} ms, more than a day`, {
      hint: `If nanoseconds were meant, write ${ms / 1_000_000}ms.`,
    });
  return ms === 0 ? absentMs : ms;
}

function readDesired(
  model: PropertyModel,
  instance: InstanceProperty | undefined,
  report: Report,
): Value | undefined {
  const value = instance?.desired?.value;
  if (value === undefined || (value === '' && model.type !== 'string')) return undefined;
  if (model.access === 'ReadOnly') {
    report.warn(['desired'], 'is ignored: the property is read only');
    return undefined;
  }
  try {
    return typeof value === 'string' ? parseText(model, value) : checkValue(model, value);
  } catch (thrown) {
    const { message, hint } = EdgeError.from(thrown);
    report.error(['desired', 'value'], message, hint === undefined ? {} : { hint });
    return undefined;
  }
}
