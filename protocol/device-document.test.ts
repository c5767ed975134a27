import test from 'ava';
import fc from 'fast-check';
import { ISSUES_MAX } from './device-document-issues.js';
import { readDocuments } from './device-document.js';
import type { Device } from './device.js';
import { LIMITS } from './limits.js';

type Raw = Record<string, unknown>;
const API = 'devices.kubeedge.io/v1beta1';

function model(properties: readonly Raw[], spec: Raw = {}): Raw {
  const metadata = { name: 'meter' };
  return { apiVersion: API, kind: 'DeviceModel', metadata, spec: { properties, ...spec } };
}

function device(spec: Raw = {}, metadata: Raw = { name: 'm1' }): Raw {
  const base = { deviceModelRef: { name: 'meter' }, protocol: { protocolName: 'virtual' } };
  return { apiVersion: API, kind: 'Device', metadata, spec: { ...base, ...spec } };
}

const LEVEL = { name: 'level', type: 'FLOAT', accessMode: 'ReadWrite' };

function read(documents: readonly unknown[], node?: string) {
  const named = documents.map((value, index) => ({ value, source: `file-${index}.yaml` }));
  return readDocuments(named, node === undefined ? {} : { node });
}

/** `severity document path: message (suggestion)` of each issue. */
function issuesOf(documents: readonly unknown[], node?: string): string[] {
  return read(documents, node).issues.map(
    ({ severity, document, path, message, suggestion }) =>
      `${severity} ${document} ${path.join('.')}: ${message}${suggestion ? ` (${suggestion})` : ''}`,
  );
}

function only(documents: readonly unknown[]): Device {
  const { devices, issues } = read(documents);
  if (issues.length > 0 || devices.length !== 1) throw new TypeError(JSON.stringify(issues));
  return devices[0]!.device;
}

test('the device goes over its model, whatever the order of the documents', (t) => {
  const documents = [
    device(
      {
        protocol: { protocolName: 'modbus', configData: { slaveID: '9', ip: 'plc' } },
        properties: [
          {
            name: 'level',
            desired: { value: '2.5' },
            visitors: { protocolName: 'modbus', configData: { offset: 7 } },
            collectCycle: '2s',
            reportCycle: 5000,
            reportToCloud: false,
          },
        ],
      },
      { name: 'm1', namespace: 'plant', annotations: { description: 'by the door' } },
    ),
    null,
    {
      ...model(
        [
          {
            ...LEVEL,
            description: 'Height',
            minimum: '0',
            maximum: 3,
            unit: 'm',
            visitors: { configData: { register: 'HoldingRegister', offset: 1 } },
          },
          { name: 'raw', type: 'bytes', visitors: { configData: { offset: 3 } } },
          { name: 'unused', type: 'STRING' },
        ],
        { protocol: 'modbus', protocolConfigData: { slaveID: 1, timeout: 500 } },
      ),
      metadata: { name: 'meter', namespace: 'plant' },
    },
  ];
  t.deepEqual(only(documents), {
    id: 'plant/m1',
    model: 'meter',
    description: 'by the door',
    protocol: {
      protocolName: 'modbus',
      configData: { transport: 'tcp', unitId: 9, timeout: 500, host: 'plc' },
    },
    properties: [
      {
        name: 'level',
        description: 'Height',
        type: 'float',
        access: 'ReadWrite',
        minimum: 0,
        maximum: 3,
        unit: 'm',
        collectCycleMs: 2000,
        reportCycleMs: 5000,
        reportToCloud: false,
        visitor: {
          protocolName: 'modbus',
          configData: { register: 'HoldingRegister', offset: 7 },
        },
        desired: 2.5,
      },
      {
        name: 'raw',
        type: 'bytes',
        access: 'ReadOnly',
        collectCycleMs: 1000,
        reportCycleMs: 1000,
        reportToCloud: true,
        visitor: { protocolName: 'modbus', configData: { offset: 3 } },
      },
    ],
  });
});

test('a device that lists no property has all of its model', (t) => {
  const names = only([model([LEVEL, { name: 'b', type: 'INT' }]), device()]).properties;
  t.deepEqual(
    names.map(({ name }) => name),
    ['level', 'b'],
  );
});

test('a property is not reported more often than it is read', (t) => {
  const properties = [{ name: 'level', collectCycle: '1m' }];
  t.is(only([model([LEVEL]), device({ properties })]).properties[0]?.reportCycleMs, 60_000);
});

test('null counts as absent, as in Kubernetes', (t) => {
  const properties = [{ name: 'level', visitors: null, desired: { value: null }, reportCycle: 0 }];
  const [level] = only([model([LEVEL]), device({ properties, nodeName: null })]).properties;
  t.deepEqual([level?.visitor, level?.desired, level?.reportCycleMs], [undefined, undefined, 1000]);
});

const property = (more: Raw) => [
  model([LEVEL]),
  device({ properties: [{ name: 'level', ...more }] }),
];

const FAULTS: Record<string, { documents: readonly unknown[]; issues: readonly string[] }> = {
  'a missing model': {
    documents: [model([LEVEL]), device({ deviceModelRef: { name: 'metre' } })],
    issues: [
      'error 1 spec.deviceModelRef.name: is metre, and no DeviceModel of that name is here (meter)',
    ],
  },
  'a model of another namespace': {
    documents: [model([LEVEL]), device({}, { name: 'm1', namespace: 'plant' })],
    issues: ['error 1 spec.deviceModelRef.name: is meter, and no DeviceModel of that name is here'],
  },
  'an unknown property': {
    documents: [model([LEVEL]), device({ properties: [{ name: 'Levle' }] })],
    issues: [
      'error 1 spec.properties.0.name: is Levle, which the model meter does not have (level)',
    ],
  },
  'a property twice in a device': {
    documents: [model([LEVEL]), device({ properties: [{ name: 'level' }, { name: 'level' }] })],
    issues: ['error 1 spec.properties.1.name: is level for a second time'],
  },
  'a property twice in a model, told once': {
    documents: [model([LEVEL, LEVEL]), device()],
    issues: ['error 0 spec.properties.1.name: is level for a second time'],
  },
  'a device twice': {
    documents: [model([LEVEL]), device(), device()],
    issues: ['error 2 metadata.name: is the name of another device too, in file-1.yaml'],
  },
  'a model twice': {
    documents: [model([LEVEL]), model([LEVEL])],
    issues: ['error 1 metadata.name: is the name of another model too, in file-0.yaml'],
  },
  'a stream': {
    documents: [model([{ ...LEVEL, type: 'STREAM' }]), device()],
    issues: ['error 0 spec.properties.0.type: is STREAM, which edgetwin does not carry'],
  },
  'an unknown type': {
    documents: [model([{ ...LEVEL, type: '__proto__' }])],
    issues: [
      'error 0 spec.properties.0.type: is not one of INT, FLOAT, DOUBLE, STRING, BOOLEAN, BYTES, JSON',
    ],
  },
  'a range the wrong way round': {
    documents: [model([{ ...LEVEL, minimum: 5, maximum: '1' }])],
    issues: ['error 0 spec.properties.0.minimum: is 5, above the maximum of 1'],
  },
  'a bound that is no number': {
    documents: [model([{ ...LEVEL, minimum: 'low' }])],
    issues: ['error 0 spec.properties.0.minimum: is "low", which is not a number'],
  },
  'a desired value of another type': {
    documents: property({ desired: { value: 'high' } }),
    issues: [
      'error 1 spec.properties.0.desired.value: property level: "high" is not a finite number',
    ],
  },
  'a desired value out of range': {
    documents: [
      model([{ ...LEVEL, maximum: 10 }]),
      device({ properties: [{ name: 'level', desired: { value: 11 } }] }),
    ],
    issues: [
      'error 1 spec.properties.0.desired.value: property level: 11 is above the maximum of 10',
    ],
  },
  'a desired value of a read-only property': {
    documents: [
      model([{ name: 'level', type: 'FLOAT' }]),
      device({ properties: [{ name: 'level', desired: { value: '1' } }] }),
    ],
    issues: ['warning 1 spec.properties.0.desired: is ignored: the property is read only'],
  },
  'a cycle of nanoseconds': {
    documents: property({ collectCycle: 10_000_000_000 }),
    issues: ['warning 1 spec.properties.0.collectCycle: is 10000000000 ms, more than a day'],
  },
  'a cycle without sense': {
    documents: property({ reportCycle: 'often' }),
    issues: ['error 1 spec.properties.0.reportCycle: is "often", which is not a length of time'],
  },
  'a push method': {
    documents: property({ pushMethod: { http: {} } }),
    issues: [
      'warning 1 spec.properties.0.pushMethod: is ignored: edgetwin does not push to other systems',
    ],
  },
  'a visitor of another protocol': {
    documents: property({ visitors: { protocolName: 'opcua' } }),
    issues: [
      'error 1 spec.properties.0.visitors.protocolName: is "opcua", but the device speaks "virtual"',
    ],
  },
  'no protocol at all': {
    documents: [model([LEVEL]), device({ protocol: null })],
    issues: ['error 1 spec.protocol: names no protocol, nor does the model'],
  },
  'a misspelt key': {
    documents: property({ colectCycle: 5 }),
    issues: [
      'error 1 spec.properties.0.colectCycle: is not a key that belongs here (collectCycle)',
    ],
  },
  'a key of a newer KubeEdge': {
    documents: property({ quantumState: 5 }),
    issues: ['warning 1 spec.properties.0.quantumState: is not a key that belongs here'],
  },
  'missing keys': {
    documents: [{ apiVersion: API, kind: 'Device', spec: { deviceModelRef: {} } }],
    issues: ['error 0 metadata: is missing', 'error 0 spec.deviceModelRef.name: is missing'],
  },
  'names that climb': {
    documents: [device({}, { name: '../x' })],
    issues: [
      'error 0 metadata.name: must be letters, digits, "-", "_" and ".", starting and ending with the former',
    ],
  },
  'a kind misspelt': {
    documents: [{ ...device(), kind: 'Devise' }],
    issues: ['error 0 kind: is Devise, not Device or DeviceModel (Device)'],
  },
  'a kind missing': {
    documents: [{ apiVersion: API }],
    issues: ['error 0 kind: is missing'],
  },
  'another version of the group': {
    documents: [{ ...device(), apiVersion: 'devices.kubeedge.io/v2' }],
    issues: [`error 0 apiVersion: must be ${API}`],
  },
  'a document of something else': {
    documents: [{ apiVersion: 'v1', kind: 'ConfigMap' }],
    issues: ['warning 0 apiVersion: is ignored: not of devices.kubeedge.io'],
  },
  'no map': {
    documents: [['x'], 'y'],
    issues: [
      'error 0 : is not a Device or a DeviceModel',
      'error 1 : is not a Device or a DeviceModel',
    ],
  },
  'a key that reaches a prototype': {
    documents: [
      model([LEVEL]),
      device({ protocol: JSON.parse('{"protocolName":"x","configData":{"__proto__":{"a":1}}}') }),
    ],
    issues: ['error 1 : is the key __proto__ is not allowed'],
  },
  'a document that is too large': {
    documents: [device({ protocol: { configData: { x: 'x'.repeat(LIMITS.documentBytes) } } })],
    issues: [`error 0 : is longer than ${LIMITS.documentBytes} bytes when encoded`],
  },
};

for (const [fault, { documents, issues }] of Object.entries(FAULTS))
  test(`${fault} is told with its place`, (t) => {
    t.deepEqual(issuesOf(documents), issues);
  });

test('a device of another node is left out with a warning', (t) => {
  const documents = [model([LEVEL]), device({ nodeName: 'other' })];
  t.deepEqual(issuesOf(documents, 'gateway-1'), [
    'warning 1 spec.nodeName: is other: the device is left out of gateway-1',
  ]);
  t.is(read(documents, 'gateway-1').devices.length, 0);
  t.is(read(documents, 'other').devices.length, 1);
  t.is(read(documents).devices.length, 1);
});

test('devices with an error are left out, those with a warning are not', (t) => {
  t.is(read(property({ reportCycle: 'often' })).devices.length, 0);
  t.is(read(property({ collectCycle: 1e10 })).devices.length, 1);
});

test('the number of issues is bounded', (t) => {
  const properties = Array.from({ length: 1024 }, () => ({ name: 'x', type: 'STREAM' }));
  const { issues } = read([model(properties), { ...model(properties), metadata: { name: 'b' } }]);
  t.is(issues.length, ISSUES_MAX);
});

test('any documents at all give devices and issues, never an exception', (t) => {
  const kind = fc.constantFrom('Device', 'DeviceModel', 'Other', 5);
  const version = fc.constantFrom(API, 'devices.kubeedge.io/v1alpha2', 'v1', null);
  const scalar = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null));
  const keys = fc.constantFrom(
    ...['name', 'properties', 'type', 'visitors', 'configData', 'protocol', 'protocolName'],
    ...['deviceModelRef', 'propertyVisitors', 'common', 'com', 'modbus', 'desired', 'value'],
    ...['nodeSelector', 'nodeSelectorTerms', 'matchExpressions', 'values', 'collectCycle'],
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      scalar,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(keys, tie('tree'), { maxKeys: 6 }),
    ),
  }));
  const metadata = fc.oneof(fc.constant({ name: 'meter' }), tree);
  const document = fc.oneof(
    tree,
    fc.record({ apiVersion: version, kind, metadata, spec: tree, status: tree }),
  );
  fc.assert(
    fc.property(fc.array(document, { maxLength: 5 }), (documents) => {
      const { devices, issues } = read(documents);
      for (const issue of issues) t.true(issue.document < documents.length);
      t.true(devices.length <= documents.length);
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

test('collectCycle of a property goes before the cycle of its device, which goes over its model', (t) => {
  const names = ['level', 'volume', 'serial'];
  const properties = names.map((name) => ({ ...LEVEL, name }));
  const slow = { protocolName: 'virtual', configData: { poll: 'slow' } };
  const documents = [
    model([...properties.slice(0, 2), { ...LEVEL, name: 'serial', visitors: slow }]),
    device({
      protocol: { protocolName: 'virtual', configData: { cycle: '3s' } },
      properties: [
        { name: 'level', collectCycle: 250 },
        { name: 'volume', collectCycle: 0 },
        { name: 'serial' },
      ],
    }),
  ];
  const [source] = read(documents).devices;
  t.deepEqual(
    source?.device.properties.map(({ name, collectCycleMs, reportCycleMs }) => [
      ...[name, collectCycleMs, reportCycleMs],
    ]),
    [
      ['level', 250, 1000],
      ['volume', 3000, 3000],
      ['serial', 10_000, 10_000],
    ],
  );
});
