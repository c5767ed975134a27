import test from 'ava';
import { LIMITS } from './limits.js';
import { isDeviceId, isName, isNodeName, isPropertyName } from './name.js';

const long = (characters: number): string => 'x'.repeat(characters);

test('names are those of Kubernetes, with capitals and underscores', (t) => {
  for (const name of ['a', 'sensor-1', 'Plant.A_2', long(LIMITS.nameChars)]) t.true(isName(name));
  for (const name of ['', '-a', 'a-', '.', '..', 'a b', 'a/b', 'é', 'a\n', 'a\0', long(129)])
    t.false(isName(name), name);
});

test('a device id is a namespace and a name', (t) => {
  t.true(isDeviceId('default/sensor-1'));
  t.true(isDeviceId(`${long(128)}/${long(128)}`));
  for (const id of ['sensor', '/a', 'a/', 'a/b/c', '../b', 'a/..', 'a//b', '+/b', `a/${long(129)}`])
    t.false(isDeviceId(id), id);
});

test('a node name may be the subject of a certificate', (t) => {
  for (const name of ['gateway-1', 'g.plant.example', '0', long(63)]) t.true(isNodeName(name));
  for (const name of ['', 'Gateway', 'a_b', '-a', 'a.', '*', long(64)]) t.false(isNodeName(name));
});

test('a property name has the alphabet of KubeEdge and reaches no prototype', (t) => {
  for (const name of ['temperature-enable', 'a.b/c@d#e:f,g', '_x', '-'])
    t.true(isPropertyName(name), name);
  for (const name of ['', 'a b', 'ä', 'a+', '__proto__', 'constructor', 'prototype', long(129)])
    t.false(isPropertyName(name), name);
});
