import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { toJsonSchema } from '@valibot/to-json-schema';
import test from 'ava';
import { anyDocument } from '#protocol/device-schema.js';
import { gatewaySchema } from './schema.js';

const FOLDER = new URL('../../../docs/schemas/', import.meta.url);

const SCHEMAS = {
  'gateway.schema.json': { title: 'gateway.yaml of edgetwin', schema: gatewaySchema },
  'device.schema.json': { title: 'Device or DeviceModel of a mapper file', schema: anyDocument },
} as const;

// The files are for editors. After a change of a schema: UPDATE_SCHEMAS=1 npx ava this file.
for (const [name, { title, schema }] of Object.entries(SCHEMAS))
  test(`docs/schemas/${name} is what the program checks`, async (t) => {
    const generated = toJsonSchema(schema, { errorMode: 'ignore', typeMode: 'input' });
    const { $schema, ...rest } = generated;
    const text = `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
    const file = new URL(name, FOLDER);
    if (process.env['UPDATE_SCHEMAS'] === '1') {
      await mkdir(FOLDER, { recursive: true });
      await writeFile(file, text);
    }
    t.is(await readFile(file, 'utf8'), text, 'run it again with UPDATE_SCHEMAS=1');
  });
