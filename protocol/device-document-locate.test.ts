import test from 'ava';
import { locateInDocuments } from './device-document-locate.js';
import { readDocuments } from './device-document.js';

const HEAD = { apiVersion: 'devices.kubeedge.io/v1beta1' };

const DOCUMENTS = [
  {
    ...HEAD,
    kind: 'DeviceModel',
    metadata: { name: 'meter' },
    spec: {
      protocolConfigData: { baudRate: 'fast' },
      properties: [
        { name: 'unread', type: 'FLOAT' },
        {
          name: 'level',
          type: 'FLOAT',
          visitors: { configData: { register: 'Coil', offset: -1 } },
        },
        { name: 'relay', type: 'BOOLEAN', visitors: { configData: { offset: 'x' } } },
      ],
    },
  },
  {
    ...HEAD,
    kind: 'Device',
    metadata: { name: 'm1' },
    spec: {
      deviceModelRef: { name: 'meter' },
      protocol: { protocolName: 'modbus', configData: { serialPort: 5 } },
      properties: [{ name: 'level', visitors: { configData: { offset: -2 } } }],
    },
  },
].map((value) => ({ value, source: '' }));

const [SOURCE] = readDocuments(DOCUMENTS).devices;

function at(...path: (string | number)[]): string {
  const place = locateInDocuments(DOCUMENTS, SOURCE!, path);
  return `${place.document} ${place.path.join('.')}`;
}

test('protocol settings are found in the spelling of the device, or in the model', (t) => {
  t.is(at('spec', 'protocol', 'configData', 'port'), '1 spec.protocol.configData.serialPort');
  t.is(at('spec', 'protocol', 'configData', 'baudRate'), '0 spec.protocolConfigData.baudRate');
});

test('settings of a property are found by its name, in the device or in the model', (t) => {
  const [level, relay] = [0, 1].map((index) => ['spec', 'properties', index, 'visitors'] as const);
  t.deepEqual(
    SOURCE?.device.properties.map(({ name }) => name),
    ['level', 'relay'],
  );
  t.is(at(...level!, 'configData', 'offset'), '1 spec.properties.0.visitors.configData.offset');
  t.is(at(...level!, 'configData', 'register'), '0 spec.properties.1.visitors.configData.register');
  t.is(at(...relay!, 'configData', 'offset'), '0 spec.properties.2.visitors.configData.offset');
  t.is(at(...relay!, 'configData', 'limit'), '0 spec.properties.2.visitors.configData.limit');
});

test('what no document has keeps its name behind what the device has', (t) => {
  t.is(at('spec', 'protocol', 'configData', 'unitId'), '1 spec.protocol.configData.unitId');
  t.is(at('nonsense'), '1 nonsense');
  t.is(at('spec', 'properties', 99, 'visitors'), '1 spec.properties');
});
