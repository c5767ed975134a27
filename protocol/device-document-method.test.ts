import test from 'ava';
import { readDocuments } from './device-document.js';
import { describeDevice } from './device.js';

const API = 'devices.kubeedge.io/v1beta1';
const MODEL = {
  ...{ apiVersion: API, kind: 'DeviceModel', metadata: { name: 'pump' } },
  spec: {
    protocol: 'virtual',
    properties: [
      { name: 'speed', type: 'INT', accessMode: 'ReadWrite' },
      { name: 'pulse', type: 'INT' },
    ],
  },
};

function read(methods: unknown, properties?: unknown) {
  const spec = { deviceModelRef: { name: 'pump' }, methods, ...(properties ? { properties } : {}) };
  const device = { apiVersion: API, kind: 'Device', metadata: { name: 'p' }, spec };
  const { devices, issues } = readDocuments([
    { value: MODEL, source: 'model' },
    { value: device, source: 'device' },
  ]);
  return {
    device: devices[0]?.device,
    issues: issues.map(({ severity, path, message }) => `${severity} ${path.join('.')} ${message}`),
  };
}

test('methods of KubeEdge’s documents are kept, in order, and described to the hub', (t) => {
  const methods = [
    { name: 'dose', description: 'One dose.', propertyNames: ['pulse', 'speed', 'pulse'] },
    { name: 'home' },
  ];
  const { device, issues } = read(methods);
  t.deepEqual(issues, []);
  const expected = [
    { name: 'dose', description: 'One dose.', properties: ['pulse', 'speed'] },
    { name: 'home', properties: [] },
  ];
  t.deepEqual(device?.methods, expected);
  t.deepEqual(device && describeDevice(device).methods, expected);
});

test('a device without methods has none', (t) => {
  for (const methods of [undefined, [], null]) t.false('methods' in (read(methods).device ?? {}));
});

test('a property that the device lacks is left out with a warning; KubeEdge takes it', (t) => {
  const { device, issues } = read([{ name: 'dose', propertyNames: ['puls', 'speed'] }]);
  t.deepEqual(device?.methods, [{ name: 'dose', properties: ['speed'] }]);
  t.is(issues.length, 1);
  t.regex(issues[0] ?? '', /^warning spec\.methods\.0\.propertyNames\.0 is puls/);
});

test('two methods of one name, one without a name and too many are errors', (t) => {
  const faults = [
    [{ name: 'a' }, { name: 'a' }],
    [{ description: 'no name' }],
    [{ name: '' }],
    [{ name: 'a', propertyNames: 'speed' }],
    'dose',
    Array.from({ length: 129 }, (_, index) => ({ name: `m${index}` })),
  ];
  for (const methods of faults) {
    const { device, issues } = read(methods);
    t.is(device, undefined);
    t.true(
      issues.some((issue) => issue.startsWith('error spec.methods')),
      JSON.stringify(issues),
    );
  }
});
