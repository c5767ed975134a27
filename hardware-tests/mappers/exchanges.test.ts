import test from 'ava';
import { exchangesOf, recordedTemplates, templateNames } from '#mappers/templates/library.js';
import { checkExchange } from './exchange-check.js';

const TEMPLATES = await templateNames();

test('every template has an exchange of its device', async (t) => {
  t.deepEqual(await recordedTemplates(), TEMPLATES);
  for (const name of TEMPLATES) t.true((await exchangesOf(name)).length > 0);
});

for (const template of TEMPLATES)
  test(`template ${template} reads what its device was heard or documented to say`, async (t) => {
    for (const exchange of await exchangesOf(template)) await checkExchange(t, template, exchange);
  });
