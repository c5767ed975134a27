import test from 'ava';
import fc from 'fast-check';
import type { Device, Property } from '#protocol/device.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type { Value } from '#protocol/twin.js';
import { derivedIssues, derivedOf } from './derived-config.js';
import { DerivingDriver } from './deriving-driver.js';
import { evaluate, parseExpression } from './expression.js';
import { deadbandOf, isBeyond } from './report-policy.js';

const property = (
  name: string,
  configData: Readonly<Record<string, unknown>>,
  type: Property['type'] = 'double',
): Property => ({
  name,
  type,
  access: 'ReadOnly',
  reportCycleMs: 1000,
  collectCycleMs: 1000,
  reportToCloud: true,
  visitor: { protocolName: 'x', configData },
});
const device = (...properties: Property[]): Device => ({
  id: 'default/d',
  model: 'm',
  protocol: { protocolName: 'x', configData: {} },
  properties,
});
const numbers = (text: string, values: Record<string, number> = {}): number =>
  evaluate(parseExpression(text), new Map(Object.entries(values)));

test('arithmetic as everybody writes it', (t) => {
  t.is(numbers('1 + 2 * 3 - 4 / 2'), 5);
  t.is(numbers('(1 + 2) * -3'), -9);
  t.is(numbers('-2 - -3'), 1);
  t.is(numbers('voltage * current / 1000', { voltage: 230, current: 10 }), 2.3);
  t.is(numbers('round(max(a, b, 1.234), 2)', { a: 0, b: -1 }), 1.23);
  t.is(numbers('sqrt(abs(0 - 16))'), 4);
  t.true(Number.isNaN(numbers('missing + 1')));
});

test('wrong expressions are refused with what is wrong, and any text ends', (t) => {
  for (const text of [
    '',
    '1 +',
    '(1',
    '1 2',
    'sin(1)',
    '1; 2',
    'a.b',
    'constructor(1)',
    '-'.repeat(300),
  ])
    t.throws(() => parseExpression(text), { code: 'EDGE_CONFIG' }, text);
  t.throws(() => parseExpression('('.repeat(50) + '1' + ')'.repeat(50)), { message: /deeply/ });
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      try {
        evaluate(parseExpression(text), new Map());
      } catch (thrown) {
        t.is((thrown as { code?: string }).code, 'EDGE_CONFIG');
      }
    }),
  );
});

function driven(
  properties: Property[],
  source: () => Record<string, Value>,
): {
  read: (...names: string[]) => Promise<readonly { value: Value; quality: string }[]>;
  asked: string[][];
} {
  const asked: string[][] = [];
  const of = device(...properties);
  const inner = {
    read: async (wanted: readonly Property[]) => {
      asked.push(wanted.map(({ name }) => name));
      return wanted.map(({ name }) => {
        const value = source()[name] ?? null;
        const quality = value === null ? ('bad' as const) : ('good' as const);
        return {
          property: name,
          value,
          quality,
          ...(value === null ? { reason: 'EDGE_DEVICE_TIMEOUT' } : {}),
          timestamp: 5,
        };
      });
    },
    write: async () => ({ ok: true }) as const,
  };
  const driver = new DerivingDriver(inner, of, derivedOf(of), new ManualClock());
  return {
    asked,
    read: (...names) =>
      driver.read(
        of.properties.filter(({ name }) => names.includes(name)),
        false,
      ),
  };
}

test('a calculated property is read with what it is made of, once', async (t) => {
  const rig = driven(
    [property('u', {}), property('i', {}), property('p', { calculate: 'u * i' })],
    () => ({ u: 230.5, i: 2 }),
  );
  t.like(await rig.read('p', 'u'), [{ value: 230.5 }, { value: 461, quality: 'good' }]);
  t.deepEqual(rig.asked, [['u', 'i']]);
});

test('it is bad with the reason of what is missing, and when there is no number', async (t) => {
  const rig = driven([property('u', {}), property('p', { calculate: '1 / u' })], () => ({
    u: null,
  }));
  t.like(await rig.read('p'), [{ value: null, quality: 'bad', reason: 'EDGE_DEVICE_TIMEOUT' }]);
  const zero = driven([property('u', {}), property('p', { calculate: '1 / u' })], () => ({ u: 0 }));
  t.like(await zero.read('p'), [{ value: null, quality: 'bad', reason: 'EDGE_OUT_OF_RANGE' }]);
});

test('an alarm begins beyond its bound and ends only when the value has come back', async (t) => {
  let level = 0;
  const rig = driven(
    [
      property('level', {}),
      property('alarm', { alarmOf: 'level', high: 80, low: 20, hysteresis: 5 }, 'string'),
    ],
    () => ({ level }),
  );
  const states: Value[] = [];
  for (level of [50, 80, 81, 76, 75, 79, 20, 19, 24, 25, 81]) {
    const [result] = await rig.read('alarm');
    states.push(result?.value ?? null);
  }
  t.deepEqual(states, [
    'none',
    'none',
    'high',
    'high',
    'none',
    'none',
    'none',
    'low',
    'low',
    'none',
    'high',
  ]);
});

test('wrong derived properties are told with a hint', (t) => {
  const issues = derivedIssues(
    device(
      property('level', {}),
      property('a', { calculate: 'levle * 2' }),
      property('b', { alarmOf: 'level' }),
      property('c', { alarmOf: 'level', high: 1, low: 0, hysteresis: 2 }),
      property('d', { calculate: '2 *' }),
      { ...property('e', { calculate: 'level' }), access: 'ReadWrite' },
    ),
  );
  t.is(issues.length, 5);
  t.is(issues[0]?.hint, 'Did you mean level?');
  t.true(issues.every(({ hint, message }) => hint !== undefined || message.includes('no room')));
});

test('a deadband is a distance or a share of the last value told', (t) => {
  const of = (deadband: unknown) => deadbandOf(property('p', { deadband }));
  t.deepEqual(of(0.5), { absolute: 0.5 });
  t.deepEqual(of('2%'), { percent: 2 });
  t.is(of('a lot'), undefined);
  t.false(isBeyond({ absolute: 0.5 }, 20, 20.5));
  t.true(isBeyond({ absolute: 0.5 }, 20, 20.6));
  t.false(isBeyond({ percent: 2 }, 100, 98));
  t.true(isBeyond({ percent: 2 }, 100, 97.9));
  t.true(isBeyond({ absolute: 0 }, 1, 1.000001));
  t.true(isBeyond({ absolute: 5 }, 'on', 'off'));
  t.false(isBeyond({ absolute: 5 }, 'on', 'on'));
  t.true(isBeyond({ absolute: 5 }, 20, null));
});
