import type {
  AccessMode,
  DeviceDescription,
  DeviceId,
  Method,
  PropertyDescription,
  PropertyType,
} from './device.js';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { clip, trimmed } from './message-codec-fields.js';
import type { Fields } from './message-codec-fields.js';

/** The order is the wire format: add at the end. */
const TYPES: readonly PropertyType[] = [
  'int',
  'float',
  'double',
  'string',
  'boolean',
  'bytes',
  'json',
];
const ACCESS: readonly AccessMode[] = ['ReadOnly', 'ReadWrite'];

/** `[model, protocol, description, [property, ...], [method, ...]?]`; the id stands in the row. */
export function writeDescription(device: DeviceDescription): readonly unknown[] {
  const { model, protocol, description, properties, methods } = device;
  return [
    model,
    protocol,
    description === undefined ? null : clip(description),
    properties.map((property) =>
      trimmed(
        [
          property.name,
          TYPES.indexOf(property.type),
          ACCESS.indexOf(property.access),
          property.reportCycleMs,
          property.minimum ?? null,
          property.maximum ?? null,
          property.unit === undefined ? null : clip(property.unit),
          property.description === undefined ? null : clip(property.description),
          property.history === true ? 1 : null,
        ],
        [null, null, null, null, null],
      ),
    ),
    ...(methods === undefined ? [] : [methods.map(writeMethod)]),
  ];
}

export function readDescription(id: DeviceId, fields: Fields): DeviceDescription {
  const model = fields.text(LIMITS.nameChars);
  const protocol = fields.text(LIMITS.nameChars);
  const description = fields.optionalText();
  const properties = fields.list(LIMITS.propertiesPerDevice, readProperty, 'property');
  if (new Set(properties.map(({ name }) => name)).size !== properties.length)
    throw new EdgeError('EDGE_MALFORMED', `sync message: ${id} has two properties of one name`);
  const methods = fields.isAbsent()
    ? undefined
    : fields.list(LIMITS.methodsPerDevice, readMethod, 'method');
  return {
    ...{ id, model, protocol },
    ...(description === undefined ? {} : { description }),
    properties,
    ...(methods === undefined ? {} : { methods }),
  };
}

function writeMethod({ name, description, properties }: Method): readonly unknown[] {
  return [name, description === undefined ? null : clip(description), properties];
}

function readMethod(fields: Fields): Method {
  const name = fields.text(LIMITS.nameChars);
  const description = fields.optionalText();
  const properties = fields.texts(LIMITS.propertiesPerMethod, (names) => names.property());
  return { name, ...(description === undefined ? {} : { description }), properties };
}

function readProperty(fields: Fields): PropertyDescription {
  const base = {
    name: fields.property(),
    type: fields.choice(TYPES),
    access: fields.choice(ACCESS),
    reportCycleMs: fields.count(),
  };
  const minimum = fields.optionalFinite();
  const maximum = fields.optionalFinite();
  const unit = fields.optionalText();
  const description = fields.optionalText();
  const history = !fields.isAbsent() && fields.flag();
  return {
    ...base,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(unit === undefined ? {} : { unit }),
    ...(description === undefined ? {} : { description }),
    ...(history ? { history } : {}),
  };
}
