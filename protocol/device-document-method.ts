import type { Method, Property } from './device.js';
import { suggest } from './device-document-issues.js';
import type { Report } from './device-document-issues.js';
import type { DeviceDocument } from './device-schema.js';
import type { Path } from './schema-shape.js';

/**
 * `spec.methods` of a device. A method may name properties of the model that this device does not
 * have; KubeEdge takes that, so it is a warning, and the name is left out.
 */
export function readMethods(
  documents: DeviceDocument['spec']['methods'],
  properties: readonly Property[],
  reportAt: (path: Path) => Report,
): readonly Method[] {
  const known = new Set(properties.map(({ name }) => name));
  const methods = new Map<string, Method>();
  documents?.forEach(({ name, description, propertyNames = [] }, index) => {
    const path = ['spec', 'methods', index];
    if (methods.has(name)) reportAt(path).error(['name'], `is ${name} for a second time`);
    const named = new Set<string>();
    propertyNames.forEach((property, at) => {
      if (known.has(property)) named.add(property);
      else
        reportAt([...path, 'propertyNames', at]).warn(
          [],
          `is ${property}, which the device does not have: it is left out`,
          suggest(property, known),
        );
    });
    methods.set(name, {
      name,
      ...(description === undefined ? {} : { description }),
      properties: [...named],
    });
  });
  return [...methods.values()];
}
