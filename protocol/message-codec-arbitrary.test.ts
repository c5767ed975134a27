import test from 'ava';
import fc from 'fast-check';
import type { DeviceDescription, Method, PropertyDescription } from './device.js';
import { LIMITS } from './limits.js';
import { FORBIDDEN_KEYS, isDeviceId, isPropertyName } from './name.js';
import { FORKS_MAX } from './numbering.js';
import type { SyncMessage } from './sync-message.js';
import type { Value } from './twin.js';

// Arbitrary messages of every kind, for the tests of the codec.

const HEX_DIGITS = '0123456789abcdef'.split('');
const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const version = fc.record({ gen: count, n: count });
const hex64 = fc.string({
  unit: fc.constantFrom(...HEX_DIGITS),
  minLength: 16,
  maxLength: 16,
});
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (x === 0 ? 0 : x));
const label = fc.string({ maxLength: LIMITS.nameChars });
const device = fc
  .stringMatching(/^[a-z0-9]{1,9}\/[A-Za-z0-9][A-Za-z0-9._-]{0,9}x$/)
  .filter(isDeviceId);
const property = fc.stringMatching(/^[A-Za-z0-9\-_.,:/@#]{1,20}$/).filter(isPropertyName);

const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    finite,
    fc.boolean(),
    text,
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => !FORBIDDEN_KEYS.has(key)),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
}));

function list<T>(item: fc.Arbitrary<T>, maxLength = 8): fc.Arbitrary<T[]> {
  return fc.array(item, { maxLength });
}

/** A record some keys of which may be absent, never undefined. */
function optional<T extends object, O extends object>(
  required: { [K in keyof T]: fc.Arbitrary<T[K]> },
  others: { [K in keyof O]: fc.Arbitrary<O[K]> },
): fc.Arbitrary<T & Partial<O>> {
  return fc
    .tuple(fc.record(required), fc.record(others, { requiredKeys: [] }))
    .map(([first, second]) => ({ ...first, ...second }) as T & Partial<O>);
}

const history = fc.record({
  value: count,
  forks: list(fc.record({ boot: hex64, before: count }), FORKS_MAX),
});
const clock = fc.constantFrom('synced', 'floor', 'unknown');
const deviceRow = { device, incarnation: version, property };

const description: fc.Arbitrary<DeviceDescription> = optional(
  {
    id: device,
    model: label,
    protocol: label,
    properties: fc.uniqueArray(
      optional<
        Pick<PropertyDescription, 'name' | 'type' | 'access' | 'reportCycleMs'>,
        Required<
          Pick<PropertyDescription, 'minimum' | 'maximum' | 'unit' | 'description' | 'history'>
        >
      >(
        {
          name: property,
          type: fc.constantFrom('int', 'float', 'double', 'string', 'boolean', 'bytes', 'json'),
          access: fc.constantFrom('ReadOnly', 'ReadWrite'),
          reportCycleMs: count,
        },
        {
          ...{ minimum: finite, maximum: finite, unit: text, description: text },
          history: fc.constant(true as const),
        },
      ),
      { maxLength: 8, selector: ({ name }) => name },
    ),
  },
  {
    description: text,
    methods: list(
      optional<Pick<Method, 'name' | 'properties'>, Required<Pick<Method, 'description'>>>(
        { name: label, properties: list(property) },
        { description: text },
      ),
    ),
  },
);

const hubDevice = fc.record({
  device,
  version,
  incarnation: version,
  documents: fc.oneof(text, fc.constant(null)),
});

const MESSAGES = {
  hello: optional(
    {
      boot: hex64,
      lineage: hex64,
      lastEpoch: count,
      state: history,
      samples: history,
      hubLineage: fc.oneof(hex64, fc.constant('')),
      maxDesired: count,
      hubBoots: list(hex64, LIMITS.hubBootsKept),
      protocol: fc.record({ min: count, max: count }),
      features: list(label),
      dictionaries: list(label),
      monotonicMs: finite,
      software: text,
    },
    { gen: count, hubGen: count, hubDevices: hex64, fallback: text },
  ),
  welcome: optional(
    {
      epoch: count,
      lineage: hex64,
      gen: count,
      fork: fc.boolean(),
      resync: fc.boolean(),
      known: fc.record({ state: count, samples: count }),
      hubLineage: hex64,
      hubGen: count,
      hubBoot: hex64,
      adopt: fc.boolean(),
      protocol: count,
      features: list(label),
      messageBytes: count,
      monotonicMs: finite,
    },
    { earlierHubBoots: list(hex64, FORKS_MAX), wallMs: count, priorGen: count },
  ),
  ready: fc.record({ epoch: count }),
  confirm: fc.record({ epoch: count }),
  state: fc.record({
    epoch: count,
    id: count,
    rows: list(
      optional(
        {
          ...deviceRow,
          n: count,
          value,
          quality: fc.constantFrom('good', 'uncertain', 'bad'),
          timestamp: count,
          desiredVersion: version,
        },
        { reason: text, gen: count, clock },
      ),
    ),
  }),
  announce: fc.record({
    epoch: count,
    id: count,
    rows: list(
      fc
        .record({ incarnation: version, n: count, description, dead: fc.boolean() })
        .map(({ dead, ...row }) => ({
          device: row.description.id,
          ...row,
          description: dead ? null : row.description,
        })),
    ),
  }),
  ack: fc.record({
    epoch: count,
    id: count,
    rejects: list(fc.record({ row: count, code: text })),
  }),
  desired: fc.record({
    epoch: count,
    id: count,
    rows: list(optional({ ...deviceRow, version, value }, { origin: version, since: version })),
  }),
  stored: fc.record({ epoch: count, id: count }),
  local: fc.record({
    epoch: count,
    ...deviceRow,
    lid: version,
    base: version,
    chainStart: version,
    value,
  }),
  'local-result': optional(
    {
      epoch: count,
      device,
      property,
      lid: version,
      outcome: fc.constantFrom('ok', 'conflict', 'superseded', 'rejected'),
    },
    { version, code: text },
  ),
  digest: fc.record({
    epoch: count,
    state: count,
    desired: count,
    devices: list(fc.record({ device, incarnation: version, reported: hex64, desired: hex64 })),
  }),
  resend: fc.record({ epoch: count, devices: list(device) }),
  bye: fc.record({
    reason: fc.constantFrom(
      'superseded',
      'clone',
      'unsupported',
      'shutting-down',
      'diverged',
      'refused',
    ),
    detail: text,
  }),
  unsupported: fc.record({ epoch: count, id: count }),
  samples: fc.record({
    epoch: count,
    from: count,
    to: count,
    dropped: count,
    rows: list(
      optional(
        {
          ...deviceRow,
          n: count,
          value,
          quality: fc.constantFrom('good', 'uncertain', 'bad'),
          timestamp: count,
        },
        { reason: text, clock },
      ),
    ),
  }),
  sack: fc.record({ epoch: count, stored: count }),
  devices: fc.record({ epoch: count, id: count, rows: list(hubDevice) }),
  adopt: fc.record({
    epoch: count,
    id: count,
    rows: list(optional({ ...deviceRow, version, value }, { origin: version, since: version })),
    devices: list(hubDevice),
    last: fc.boolean(),
  }),
  command: fc.record({
    epoch: count,
    command: hex64,
    device,
    incarnation: version,
    method: label,
    args: value,
    ttlMs: count,
    issuedMs: finite,
  }),
  result: optional(
    {
      epoch: count,
      command: hex64,
      state: fc.constantFrom('done', 'failed', 'expired', 'unknown', 'never-seen', 'running'),
    },
    { value, code: text, detail: text },
  ),
  resack: fc.record({ epoch: count, command: hex64 }),
  query: fc.record({ epoch: count, command: hex64 }),
} satisfies Record<SyncMessage['kind'], fc.Arbitrary<object>>;

export const KINDS = Object.keys(MESSAGES) as SyncMessage['kind'][];

export function message(kind: SyncMessage['kind']): fc.Arbitrary<SyncMessage> {
  const arbitrary: fc.Arbitrary<object> = MESSAGES[kind];
  return arbitrary.map((fields) => ({ kind, ...fields }) as SyncMessage);
}

test('there is an arbitrary message for each kind', (t) => {
  t.is(KINDS.length, 23);
});
