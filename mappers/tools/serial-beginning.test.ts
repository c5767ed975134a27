import test from 'ava';
import type { Property } from '#protocol/device.js';
import { extract } from '../serial/extract.js';
import { readSettings } from '../serial/settings.js';
import { serialBeginning } from './serial-beginning.js';

interface Model {
  readonly spec: {
    readonly protocol: string;
    readonly protocolConfigData: Readonly<Record<string, unknown>>;
    readonly properties: readonly {
      readonly name: string;
      readonly type: string;
      readonly visitors: NonNullable<Property['visitor']>;
    }[];
  };
}

test('the beginning of a template of a serial sensor is one that can be read', async (t) => {
  const { spec } = serialBeginning('mine') as unknown as Model;
  const configData = { ...spec.protocolConfigData, port: '/dev/ttyUSB0' };
  const properties = spec.properties.map(({ name, type, visitors: visitor }) => ({
    ...{ name, type: type.toLowerCase() as Property['type'], access: 'ReadOnly' as const },
    ...{ reportCycleMs: 1000, collectCycleMs: 1000, reportToCloud: true },
    visitor,
  }));
  const protocol = { protocolName: spec.protocol, configData };
  const device = { id: 'default/d', model: 'mine', protocol, properties };
  const { settings, issues } = await readSettings(device);
  t.deepEqual(issues, []);
  const values = properties.map(({ name, type }) => {
    const visitor = settings?.visitors.get(name);
    return visitor && extract(visitor, type, Buffer.from('21.54,1'));
  });
  t.deepEqual(values, [
    { ok: true, value: 21.5 },
    { ok: true, value: 'fault' },
  ]);
});
