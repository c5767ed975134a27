import type { ServerEvent } from '../event-stream.js';
import type { DeviceDocument, PropertyDocument } from '../twin-document.js';
import { formatText } from '../value-check.js';
import type { Value } from '../twin.js';
import { duration, printable, textTable } from './text-table.js';

/** Characters of a value that a line for people shows. */
const VALUE_CHARS_SHOWN = 60;

/** The properties of one device, with quality, age and sync state. */
export function propertyTable(
  device: DeviceDocument,
  properties: readonly PropertyDocument[],
): string {
  const place = device.node === undefined ? '' : `  node ${device.node}`;
  const heading = printable(`${device.id}  ${device.model} over ${device.protocol}${place}`);
  return `${heading}\n${textTable(PROPERTY_HEADINGS, properties.map(propertyRow))}`;
}

const PROPERTY_HEADINGS = ['PROPERTY', 'REPORTED', 'UNIT', 'QUALITY', 'AGE', 'DESIRED', 'STATE'];

function propertyRow(property: PropertyDocument): string[] {
  const { name, reported, unit, desired, ageMs } = property;
  return [
    name,
    reported === undefined ? '-' : shown(reported.value),
    unit ?? '',
    qualityText(property),
    ageMs === undefined ? timeText(reported) : duration(ageMs),
    desired === undefined ? '-' : shown(desired.value),
    stateText(property),
  ];
}

/** Several devices, one line each, with how many of their properties are in which state. */
export function deviceTable(devices: readonly DeviceDocument[]): string {
  const rows = devices.map((device) => [
    device.id,
    device.node ?? '',
    device.model,
    device.protocol,
    String(device.properties.length),
    ...(['in-sync', 'pending', 'failed', 'stale'] as const).map((state) =>
      String(device.properties.filter((property) => property.state === state).length),
    ),
  ]);
  const headings = ['DEVICE', 'NODE', 'MODEL', 'PROTOCOL', 'PROPERTIES', 'IN-SYNC', 'PENDING'];
  return textTable([...headings, 'FAILED', 'STALE'], rows);
}

/** One event of a watch as lines for people; what carries no value is named only. */
export function changeLine({ event, data }: ServerEvent): string {
  const change = data as Partial<WatchData>;
  switch (event) {
    case 'snapshot':
      return (change.devices ?? [])
        .flatMap((device) => device.properties.map((property) => valueLine(device.id, property)))
        .join('');
    case 'property':
      return change.property === undefined ? '' : valueLine(change.device ?? '', change.property);
    case 'command': {
      const { id, device, method, state } = data as Readonly<Record<string, unknown>>;
      return `${printable(['command', id, device, method, state].join('  '))}\n`;
    }
    default:
      return `${printable(`${event} ${nameOf(data)}`)}\n`;
  }
}

interface WatchData {
  readonly devices: readonly DeviceDocument[];
  readonly device: string;
  readonly property: PropertyDocument;
}

function valueLine(device: string, property: PropertyDocument): string {
  const { name, reported, desired, unit } = property;
  const value = reported === undefined ? '-' : shown(reported.value);
  const wanted = desired === undefined ? '' : ` desired ${shown(desired.value)}`;
  const parts = [
    timeText(reported),
    device,
    name,
    `${value}${unit === undefined ? '' : ` ${unit}`}`,
  ];
  return `${printable(`${parts.join('  ')}  ${qualityText(property)}${wanted}  ${stateText(property)}`)}\n`;
}

/** With the quality of its clock, when it is not known to be right. */
function timeText(reported: PropertyDocument['reported']): string {
  const { timestamp = '-', clock = 'synced' } = reported ?? {};
  return clock === 'synced' ? timestamp : `${timestamp} (${clock})`;
}

function qualityText({ reported }: PropertyDocument): string {
  if (reported === undefined) return '-';
  return reported.reason === undefined
    ? reported.quality
    : `${reported.quality} (${reported.reason})`;
}

function stateText({ state, reason }: PropertyDocument): string {
  return reason === undefined ? state : `${state} (${reason})`;
}

function nameOf(data: unknown): string {
  const { id, name, device, node } = data as Readonly<Record<string, unknown>>;
  return [id ?? name ?? device ?? node].filter((text) => typeof text === 'string').join('');
}

function shown(value: Value): string {
  const text = formatText(value);
  return text.length <= VALUE_CHARS_SHOWN ? text : `${text.slice(0, VALUE_CHARS_SHOWN - 1)}…`;
}
