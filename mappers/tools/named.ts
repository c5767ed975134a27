import type { Device } from '#protocol/device.js';
import { didYouMean } from '#protocol/did-you-mean.js';
import { EdgeError } from '#protocol/errors.js';

/** The device of this name, `NAMESPACE/NAME` or of the namespace `default`. */
export function deviceOf(devices: readonly Device[], name: string): Device {
  const id = name.includes('/') ? name : `default/${name}`;
  const device = devices.find((one) => one.id === id);
  if (device === undefined)
    throw unknown(
      'device',
      id,
      devices.map((one) => one.id),
    );
  return device;
}

export function propertyOf(device: Device, name: string): Device['properties'][number] {
  const property = device.properties.find((one) => one.name === name);
  if (property === undefined)
    throw unknown(
      'property',
      name,
      device.properties.map((one) => one.name),
    );
  return property;
}

export function unknown(what: string, name: string, names: readonly string[]): EdgeError {
  const code =
    what === 'device' ? 'EDGE_NO_DEVICE' : what === 'property' ? 'EDGE_NO_PROPERTY' : 'EDGE_USAGE';
  const meant = didYouMean(name, names);
  const hint =
    meant === undefined ? `There are: ${names.slice(0, 30).join(', ')}.` : `Did you mean ${meant}?`;
  return new EdgeError(code, `there is no ${what} ${name}`, { hint });
}
