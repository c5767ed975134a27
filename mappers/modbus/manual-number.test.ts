import test from 'ava';
import type { Device } from '#protocol/device.js';
import { readSettings } from './config.js';

type Place = Readonly<Record<string, unknown>>;

function device(...places: readonly Place[]): Device {
  const properties = places.map((configData, index) => ({
    ...({ name: `p${index}`, type: 'float', access: 'ReadOnly', reportToCloud: true } as const),
    ...{ reportCycleMs: 1000, collectCycleMs: 1000 },
    visitor: { protocolName: 'modbus', configData },
  }));
  const configData = { transport: 'tcp', host: '192.0.2.1' };
  return {
    id: 'default/d',
    model: 'm',
    protocol: { protocolName: 'modbus', configData },
    properties,
  };
}

/** What is told of one register; `none` when nothing is. */
function told(register: string, offset: number): string {
  const { settings, issues } = readSettings(device({ register, offset }));
  const [issue, ...more] = issues;
  if (settings === undefined || more.length > 0) return 'refused';
  if (issue !== undefined && issue.severity !== 'warning') return 'an error';
  return /that is (.*)\. Leave/.exec(issue?.hint ?? '')?.[1] ?? 'none';
}

for (const [register, offset, expected] of [
  ['HoldingRegister', 40_001, 'offset: 0 and register: HoldingRegister'],
  ['HoldingRegister', 49_999, 'offset: 9998 and register: HoldingRegister'],
  ['InputRegister', 30_071, 'offset: 70 and register: InputRegister'],
  ['HoldingRegister', 30_001, 'offset: 0 and register: InputRegister'],
  ['HoldingRegister', 40_000, 'none'],
  ['HoldingRegister', 50_000, 'none'],
  ['InputRegister', 30_000, 'none'],
  ['HoldingRegister', 20_480, 'none'],
  ['CoilRegister', 40_001, 'none'],
] as const)
  test(`a ${register} at ${offset} is served, and the warning is: ${expected}`, (t) => {
    t.is(told(register, offset), expected);
  });

test('a device of manual numbers is told once, with how many there are', (t) => {
  const at = (offset: number): Place => ({ register: 'HoldingRegister', offset });
  const { issues } = readSettings(device(at(3), at(40_011), at(40_012), at(40_013)));
  t.deepEqual(
    issues.map(({ path, message }) => [path[2], message]),
    [
      [
        1,
        'offset is 40011, which looks like the number of a manual, as those of 2 more properties',
      ],
    ],
  );
});

test('the registers of SunSpec stand there, and are not doubted', (t) => {
  const register = 'HoldingRegister';
  const power = { register, offset: 40_084, dataType: 'int16', exponentAt: 40_085 };
  t.deepEqual(readSettings(device(power, { register, offset: 40_110 })).issues, []);
});
