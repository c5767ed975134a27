import test from 'ava';
import fc from 'fast-check';
import type { PropertyDescription } from './device.js';
import { EdgeError } from './errors.js';
import { checkCall } from './method-call.js';
import type { Value } from './twin.js';

const number = (name: string): PropertyDescription => ({
  ...{ name, type: 'int', access: 'ReadWrite', reportCycleMs: 1000, minimum: 0, maximum: 9 },
});
const PUMP = {
  id: 'default/pump',
  properties: [number('speed'), number('dose')],
  methods: [
    { name: 'run', properties: ['dose', 'speed', 'secret'] },
    { name: 'home', properties: [] },
  ],
};

function refusal(method: string, args: Value): string {
  try {
    checkCall(PUMP, method, args);
    return 'none';
  } catch (error) {
    return EdgeError.from(error).code;
  }
}

test('values are written in the order of the method, some or all of them', (t) => {
  t.deepEqual(checkCall(PUMP, 'run', { speed: 4, dose: 2 }), [
    { property: 'dose', value: 2 },
    { property: 'speed', value: 4 },
  ]);
  t.deepEqual(checkCall(PUMP, 'run', { speed: 4 }), [{ property: 'speed', value: 4 }]);
});

test('a property that this end does not know is left to the other', (t) => {
  t.deepEqual(checkCall(PUMP, 'run', { secret: [1] }), [{ property: 'secret', value: [1] }]);
});

test('a method without properties takes anything and writes nothing', (t) => {
  t.deepEqual(checkCall(PUMP, 'home', { fast: true }), []);
  t.deepEqual(checkCall(PUMP, 'home', null), []);
});

test('what does not fit is refused with the rule it breaks', (t) => {
  t.is(refusal('rum', {}), 'EDGE_NO_METHOD');
  t.is(refusal('run', {}), 'EDGE_MALFORMED');
  t.is(refusal('run', [1]), 'EDGE_MALFORMED');
  t.is(refusal('run', 'fast'), 'EDGE_MALFORMED');
  t.is(refusal('run', { sped: 1 }), 'EDGE_NO_PROPERTY');
  t.is(refusal('run', { speed: 'x' }), 'EDGE_TYPE');
  t.is(refusal('run', { speed: 10 }), 'EDGE_RANGE');
  t.is(refusal('home', 'x'.repeat(9000)), 'EDGE_LIMIT');
});

test('any arguments are taken or refused with a code, and reach no prototype', (t) => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.constantFrom('run', 'home', 'toString', '__proto__'),
      (args, m) => {
        const code = refusal(m, args as Value);
        t.true(code === 'none' || code.startsWith('EDGE_'));
        t.not(code, 'EDGE_INTERNAL');
      },
    ),
  );
  t.is(refusal('run', JSON.parse('{"__proto__": {"speed": 1}}') as Value), 'EDGE_TYPE');
});
