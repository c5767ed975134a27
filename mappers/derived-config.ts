import type { Device, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { didYouMean } from '#protocol/did-you-mean.js';
import { ConfigReader } from './config-reader.js';
import { namesIn, parseExpression, type Expression } from './expression.js';
import { readReportKeys } from './report-policy.js';

/** A property that no register holds: it is made of others of the same device. */
export type Derived =
  | { readonly kind: 'calculated'; readonly expression: Expression; readonly of: readonly string[] }
  | {
      readonly kind: 'alarm';
      readonly of: readonly [string];
      readonly high?: number;
      readonly low?: number;
      /** How far the value must come back before the alarm ends. */
      readonly hysteresis: number;
    };

/** Whether the visitor of a property has `calculate` or `alarmOf` instead of a place. */
export function isDerived({ visitor }: Property): boolean {
  const data = visitor?.configData ?? {};
  return Object.hasOwn(data, 'calculate') || Object.hasOwn(data, 'alarmOf');
}

/** The derived properties of a device by name; wrong ones are left out. */
export function derivedOf(device: Device): ReadonlyMap<string, Derived> {
  return read(device).derived;
}

export function derivedIssues(device: Device): readonly DeviceIssue[] {
  return read(device).issues;
}

function read(device: Device): {
  readonly derived: ReadonlyMap<string, Derived>;
  readonly issues: readonly DeviceIssue[];
} {
  const derived = new Map<string, Derived>();
  const issues: DeviceIssue[] = [];
  const sources = device.properties
    .filter((property) => property.visitor !== undefined && !isDerived(property))
    .map(({ name }) => name);
  device.properties.forEach((property, index) => {
    if (!isDerived(property) || property.visitor === undefined) return;
    const path = ['spec', 'properties', index, 'visitors', 'configData'];
    const reader = new ConfigReader(property.visitor.configData, path);
    const isAlarm = reader.has('alarmOf');
    const found = isAlarm ? alarm(reader) : calculated(reader);
    readReportKeys(reader);
    reader.unknownKeys();
    const key = isAlarm ? 'alarmOf' : 'calculate';
    if (property.access === 'ReadWrite')
      reader.issue(key, `makes ${property.name}, which is ReadWrite`, 'Make it ReadOnly.');
    for (const name of found?.of ?? [])
      if (!sources.includes(name)) reader.issue(key, ...lacking(name, property, device, sources));
    if (found !== undefined && reader.issues.length === 0) derived.set(property.name, found);
    issues.push(...reader.issues);
  });
  return { derived, issues };
}

/** Only what is read can be calculated with: nothing then depends on an order, or on itself. */
function lacking(
  name: string,
  property: Property,
  { properties }: Device,
  sources: readonly string[],
): [message: string, hint: string] {
  const known = properties.find((one) => one.name === name);
  const meant = known === undefined ? didYouMean(name, sources) : undefined;
  const hint =
    meant === undefined
      ? `Use what is read from the device: ${sources.slice(0, 12).join(', ') || 'nothing is'}.`
      : `Did you mean ${meant}?`;
  if (known === undefined) return [`needs ${name}, which the device does not have`, hint];
  if (name === property.name) return [`needs ${name}, which is itself`, hint];
  const why = known.visitor === undefined ? 'nothing reads' : 'is made of others too';
  return [`needs ${name}, which ${why}`, hint];
}

function calculated(reader: ConfigReader): Derived | undefined {
  const text = reader.text('calculate');
  if (text === undefined) return undefined;
  try {
    const expression = parseExpression(text);
    return { kind: 'calculated', expression, of: namesIn(expression) };
  } catch (thrown) {
    const { message, hint } = EdgeError.from(thrown);
    reader.issue('calculate', `is wrong: ${message}`, hint);
    return undefined;
  }
}

function alarm(reader: ConfigReader): Derived | undefined {
  const of = reader.text('alarmOf');
  const high = reader.has('high') ? reader.number('high', 0) : undefined;
  const low = reader.has('low') ? reader.number('low', 0) : undefined;
  const hysteresis = reader.number('hysteresis', 0);
  if (of === undefined || hysteresis === undefined) return undefined;
  if (high === undefined && low === undefined)
    reader.issue('alarmOf', 'has no bound', 'Give it high, low or both.');
  if (hysteresis < 0) reader.issue('hysteresis', 'is below 0');
  if (high !== undefined && low !== undefined && low + hysteresis >= high - hysteresis)
    reader.issue('low', 'and high leave no room between them with this hysteresis');
  return {
    kind: 'alarm',
    of: [of],
    ...(high === undefined ? {} : { high }),
    ...(low === undefined ? {} : { low }),
    hysteresis,
  };
}
