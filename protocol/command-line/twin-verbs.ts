import { didYouMean } from '../did-you-mean.js';
import { EdgeError } from '../errors.js';
import type { DeviceDocument, PropertyDocument } from '../twin-document.js';
import type { Operand } from './command.js';
import type { ControlClient } from './control-client.js';
import type { Arguments } from './parse.js';
import type { Terminal } from './terminal.js';
import { changeLine, propertyTable } from './twin-text.js';

export const DEVICE_OPERAND: Operand = {
  name: 'NAMESPACE/NAME',
  summary: 'The device; a name alone is of the namespace `default`.',
};

export const PROPERTY_OPERAND: Operand = { name: 'PROPERTY', summary: 'A property of the device.' };

export const VALUE_OPERAND: Operand = {
  name: 'VALUE',
  summary: 'The value, as the property’s type writes it: 21.5, true, text, JSON.',
};

/** `twin get`: one device, or one property of it. The interface of hub and gateway is the same. */
export async function twinGet(
  client: ControlClient,
  args: Arguments,
  out: Terminal,
): Promise<void> {
  const device = await readDevice(client, args);
  const name = args.operand('PROPERTY');
  const shown = name === undefined ? device.properties : [propertyOf(device, name)];
  if (args.on('json')) out.out(`${JSON.stringify(name === undefined ? device : shown[0])}\n`);
  else out.out(propertyTable(device, shown));
}

/** `twin watch`: a line for each change until interrupted. */
export async function twinWatch(
  client: ControlClient,
  args: Arguments,
  out: Terminal,
): Promise<void> {
  const device = args.operand('NAMESPACE/NAME');
  const filter = device === undefined ? '' : `?device=${encodeURIComponent(fullId(device))}`;
  for await (const event of client.events(`/api/v1/watch${filter}`, out.signal)) {
    if (args.on('json')) out.out(`${JSON.stringify(event)}\n`);
    else out.out(changeLine(event));
  }
  if (!out.signal.aborted)
    throw new EdgeError('EDGE_CONNECTION', 'the program ended the watch', {
      hint: 'It stopped, or this reader was too slow; watch again.',
    });
}

export function devicePath(id: string): string {
  const [namespace = '', name = ''] = fullId(id).split('/');
  return `/api/v1/devices/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

function fullId(id: string): string {
  return id.includes('/') ? id : `default/${id}`;
}

export async function readDevice(client: ControlClient, args: Arguments): Promise<DeviceDocument> {
  const path = devicePath(args.required('NAMESPACE/NAME'));
  return (await client.request({ path })).body as DeviceDocument;
}

export function propertyOf(device: DeviceDocument, name: string): PropertyDocument {
  const found = device.properties.find((property) => property.name === name);
  if (found !== undefined) return found;
  const names = device.properties.map((property) => property.name);
  const guess = didYouMean(name, names);
  throw new EdgeError('EDGE_NO_PROPERTY', `${device.id} has no property ${name}`, {
    hint: guess === undefined ? `It has: ${names.join(', ')}.` : `Did you mean ${guess}?`,
  });
}
