import fc from 'fast-check';
import test from 'ava';
import { dataTopic, depthsOf, deviceTopic, nodeTopic, parseTopic } from './topics.js';
import type { DeviceAction, IdDepth } from './topics.js';

const actions: readonly DeviceAction[] = [
  'twin/update',
  'twin/update/result',
  'twin/update/delta',
  'twin/update/document',
  'twin/get',
  'twin/get/result',
  'twin/cloud_updated',
  'state/update',
  'state/update/result',
  'updated',
];
const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/),
  fc.constantFrom('twin', 'update', 'updated', 'state', 'get', 'result', 'data'),
);

test('a one-level id is a device of the namespace default, a two-level id names its own', (t) => {
  t.deepEqual(parseTopic('$hw/events/device/meter/twin/update'), {
    kind: 'device',
    device: 'default/meter',
    depth: 1,
    action: 'twin/update',
  });
  t.deepEqual(parseTopic('$hw/events/device/plant/meter/twin/update/delta'), {
    kind: 'device',
    device: 'plant/meter',
    depth: 2,
    action: 'twin/update/delta',
  });
});

test('node and data topics parse', (t) => {
  t.deepEqual(parseTopic('$hw/events/node/edge-1/membership/get'), {
    kind: 'node',
    node: 'edge-1',
    action: 'membership/get',
  });
  t.deepEqual(parseTopic('$ke/events/device/a/b/data/update'), {
    kind: 'data',
    device: 'a/b',
    depth: 2,
  });
});

test('what is built is parsed back, whatever the names look like', (t) => {
  fc.assert(
    fc.property(name, name, fc.constantFrom(...actions), (ns, device, action) => {
      const id = `${ns}/${device}`;
      for (const depth of depthsOf(id))
        t.deepEqual(parseTopic(deviceTopic(id, depth, action)), {
          kind: 'device',
          device: id,
          depth,
          action,
        });
      for (const depth of depthsOf(id))
        t.deepEqual(parseTopic(dataTopic(id, depth)), { kind: 'data', device: id, depth });
    }),
  );
  t.deepEqual(parseTopic(nodeTopic('n', 'membership/updated')), {
    kind: 'node',
    node: 'n',
    action: 'membership/updated',
  });
});

test('a device outside the namespace default has no one-level form', (t) => {
  t.deepEqual(depthsOf('plant/meter'), [2]);
  t.is(deviceTopic('plant/meter', 1, 'updated'), '$hw/events/device/plant/meter/updated');
  t.deepEqual(depthsOf('default/meter'), [2, 1] satisfies IdDepth[]);
});

for (const bad of [
  '',
  '$hw',
  '$hw/events/device//twin/update',
  '$hw/events/device/twin/update',
  '$hw/events/device/a/twin/delete',
  '$hw/events/device/a/b/c/twin/update',
  '$hw/events/device/+/twin/update',
  '$hw/events/device/#/twin/update',
  '$hw/events/device/a b/twin/update',
  '$hw/events/device/a\0/twin/update',
  '$hw/events/device/\ud800/twin/update',
  `$hw/events/device/${'x'.repeat(129)}/twin/update`,
  '$hw/events/device/a/twin/update/',
  '$hw/events/node//membership/get',
  '$hw/events/node/a/membership/detail',
  '$hw/events/node/membership/get',
  '$ke/events/device/a/data/get',
  'hw/events/device/a/twin/update',
]) {
  test(`is no topic of ours: ${JSON.stringify(bad.slice(0, 50))}`, (t) => {
    t.is(parseTopic(bad), undefined);
  });
}

test('any text parses without throwing', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (a, b) => {
      for (const text of [a, `$hw/events/device/${a}/${b}`, `$hw/events/node/${a}/${b}`])
        t.notThrows(() => parseTopic(text));
    }),
  );
});
