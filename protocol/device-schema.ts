import * as v from 'valibot';
import { LIMITS } from './limits.js';
import { KUBERNETES_NAME, NODE_NAME, PROPERTY_NAME, isPropertyName } from './name.js';

/**
 * The outer shape of KubeEdge's `devices.kubeedge.io/v1beta1` documents (KubeEdge
 * pkg/apis/devices/v1beta1/{device_model,device_instance}_types.go). `configData` is a free map:
 * the mapper of the protocol checks it.
 */
export const API_GROUP = 'devices.kubeedge.io';
export const API_VERSION = 'devices.kubeedge.io/v1beta1';

const text = v.pipe(
  v.string('must be text'),
  v.maxLength(LIMITS.textChars, `must not be longer than ${LIMITS.textChars} characters`),
);
const free = v.record(v.string(), v.unknown(), 'must be a map');

function named(pattern: RegExp, rule: string, chars: number = LIMITS.nameChars) {
  return v.pipe(
    v.string('must be text'),
    v.maxLength(chars, `must not be longer than ${chars} characters`),
    v.regex(pattern, rule),
  );
}

const name = named(
  KUBERNETES_NAME,
  'must be letters, digits, "-", "_" and ".", starting and ending with the former',
);
const propertyName = v.pipe(
  named(PROPERTY_NAME, 'must be letters, digits and -_.,:/@#'),
  v.check(isPropertyName, 'is a name that JavaScript keeps for itself'),
);
/** A number, or a number in text as KubeEdge writes it. */
const bound = v.pipe(
  v.union([v.number(), v.string()], 'must be a number'),
  v.description('Inclusive; a number, or a number in text.'),
);
/** Milliseconds, or text with a unit. */
const cycle = v.pipe(
  v.union([v.number(), v.string()], 'must be milliseconds or text such as "10s"'),
  v.description(
    'Milliseconds, or a number with a unit: 500ms, 10s, 2m. Absent or 0: 1000, or cycle of the device.',
  ),
);
const flag = v.boolean('must be true or false');
const history = v.pipe(
  flag,
  v.description('Keep every report as a sample. An addition of edgetwin, not known to KubeEdge.'),
);

const metadata = v.looseObject(
  {
    name,
    namespace: v.optional(name),
    labels: v.optional(free),
    annotations: v.optional(free),
  },
  'must be a map',
);

const visitors = v.strictObject(
  { protocolName: v.optional(text), configData: v.optional(free) },
  'must be a map',
);

const modelProperty = v.strictObject(
  {
    name: propertyName,
    description: v.optional(text),
    type: v.pipe(
      v.string('must be text'),
      v.description('INT, FLOAT, DOUBLE, STRING, BOOLEAN, BYTES (base64) or JSON.'),
    ),
    accessMode: v.optional(v.picklist(['ReadWrite', 'ReadOnly'], 'must be ReadWrite or ReadOnly')),
    minimum: v.optional(bound),
    maximum: v.optional(bound),
    unit: v.optional(text),
    history: v.optional(history),
    visitors: v.optional(visitors),
  },
  'must be a map',
);

const instanceProperty = v.strictObject(
  {
    name: propertyName,
    desired: v.optional(
      v.strictObject(
        {
          value: v.optional(
            v.union([v.string(), v.number(), v.boolean()], 'must be text, a number or a boolean'),
          ),
          metadata: v.optional(free),
        },
        'must be a map',
      ),
    ),
    visitors: v.optional(visitors),
    reportCycle: v.optional(cycle),
    collectCycle: v.optional(cycle),
    reportToCloud: v.optional(flag),
    history: v.optional(history),
    pushMethod: v.optional(free),
  },
  'must be a map',
);

const method = v.strictObject(
  {
    name: v.pipe(
      v.string('must be text'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(LIMITS.nameChars, `must not be longer than ${LIMITS.nameChars} characters`),
    ),
    description: v.optional(text),
    propertyNames: v.optional(
      v.pipe(
        v.array(text, 'must be a list'),
        v.maxLength(
          LIMITS.propertiesPerMethod,
          `must not have over ${LIMITS.propertiesPerMethod} items`,
        ),
        v.description('Properties that a command of this method writes, in this order.'),
      ),
    ),
  },
  'must be a map',
);

function listOf<S extends v.GenericSchema>(item: S) {
  return v.pipe(
    v.array(item, 'must be a list'),
    v.maxLength(
      LIMITS.propertiesPerDevice,
      `must not have over ${LIMITS.propertiesPerDevice} items`,
    ),
  );
}

export const modelDocument = v.strictObject(
  {
    apiVersion: v.literal(API_VERSION, `must be ${API_VERSION}`),
    kind: v.literal('DeviceModel'),
    metadata,
    spec: v.strictObject(
      {
        properties: v.optional(listOf(modelProperty)),
        protocol: v.optional(text),
        protocolConfigData: v.optional(free),
      },
      'must be a map',
    ),
    status: v.optional(v.unknown()),
  },
  'must be a map',
);

export const deviceDocument = v.strictObject(
  {
    apiVersion: v.literal(API_VERSION, `must be ${API_VERSION}`),
    kind: v.literal('Device'),
    metadata,
    spec: v.strictObject(
      {
        deviceModelRef: v.looseObject({ name }, 'must be a map'),
        nodeName: v.optional(
          named(NODE_NAME, 'must be lower-case letters, digits, "-" and "."', LIMITS.nodeNameChars),
        ),
        protocol: v.optional(
          v.strictObject(
            { protocolName: v.optional(text), configData: v.optional(free) },
            'must be a map',
          ),
        ),
        properties: v.optional(listOf(instanceProperty)),
        methods: v.optional(
          v.pipe(
            v.array(method, 'must be a list'),
            v.maxLength(
              LIMITS.methodsPerDevice,
              `must not have over ${LIMITS.methodsPerDevice} items`,
            ),
          ),
        ),
        stateReport: v.optional(free),
      },
      'must be a map',
    ),
    status: v.optional(v.unknown()),
  },
  'must be a map',
);

/** One document of a mapper file: the schema that editors are given. */
export const anyDocument = v.variant('kind', [modelDocument, deviceDocument]);

export type ModelDocument = v.InferOutput<typeof modelDocument>;
export type DeviceDocument = v.InferOutput<typeof deviceDocument>;
export type ModelProperty = v.InferOutput<typeof modelProperty>;
export type InstanceProperty = v.InferOutput<typeof instanceProperty>;
