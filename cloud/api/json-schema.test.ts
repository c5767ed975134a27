import test from 'ava';
import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { DeviceSchema, NodeSchema, OperatorSchema } from './documents.js';
import { jsonSchema } from './json-schema.js';
import { schemaBreaches } from './openapi-check.js';

for (const [name, schema] of Object.entries({ DeviceSchema, NodeSchema, OperatorSchema }))
  test(`${name} converts as valibot’s own converter has it`, (t) => {
    const expected = toJsonSchema(schema);
    t.deepEqual({ $schema: expected.$schema, ...jsonSchema(schema) }, expected);
  });

test('a schema that has no faithful form here is an error, not a wrong document', (t) => {
  t.throws(() => jsonSchema(v.map(v.string(), v.string())), { code: 'EDGE_INTERNAL' });
  t.throws(() => jsonSchema(v.pipe(v.string(), v.emoji())), { code: 'EDGE_INTERNAL' });
});

test('the check that the other tests rely on finds what is wrong', (t) => {
  const node = { name: 'pi', online: true, epoch: 1, devices: 0, alarms: [] };
  const breaches = (value: unknown) => schemaBreaches({}, jsonSchema(NodeSchema), value);
  t.deepEqual(breaches(node), []);
  t.deepEqual(breaches({ ...node, epoch: 'one' }), ['$.epoch: type']);
  t.deepEqual(breaches({ ...node, extra: 1 }), ['$.extra: not in the schema']);
  t.deepEqual(breaches({ ...node, alarms: [{ code: 'X' }] }), ['$.alarms[0]: required']);
  t.deepEqual(breaches(null), ['$: type']);
});
