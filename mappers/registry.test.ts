import test from 'ava';
import { KNOWN_PROTOCOLS, loadMapper } from './registry.js';

test('a protocol of this package has a mapper of its name, any other has none', async (t) => {
  t.is((await loadMapper('modbus'))?.protocolName, 'modbus');
  for (const name of ['mqtt', 'external', 'opcua', '', 'constructor', '__proto__'])
    t.is(await loadMapper(name), undefined);
  t.deepEqual(KNOWN_PROTOCOLS, ['modbus', 'serial', 'mqtt', 'external']);
});
