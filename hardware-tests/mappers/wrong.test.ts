import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { formatIssues, type ConfigIssue } from '#protocol/config-issue.js';
import { loadMapper } from '#mappers/registry.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { readDevices } from '#runtime/config/device-files.js';
import { judgeBy } from '#runtime/config/judge-device.js';

/** Files as people write them, each with one fault; the comments at their ends are what they are told. */
const FOLDER = fileURLToPath(new URL('../../../hardware-tests/mappers/wrong/', import.meta.url));
const FILES = (await readdir(FOLDER)).sort();
const library = { names: templateNames, load: loadTemplate };

async function issuesOf(file: string): Promise<readonly ConfigIssue[]> {
  const judge = judgeBy(loadMapper);
  const { issues } = await readDevices(FOLDER, [file], undefined, judge, library, () => undefined);
  return issues;
}

test('there are more than twenty', (t) => {
  t.true(FILES.length > 20);
});

for (const file of FILES)
  test(`wrong configuration ${file}: told with place, key and what to do`, async (t) => {
    const text = await readFile(`${FOLDER}${file}`, 'utf8');
    const expected = text.split('\n').flatMap((line) => /^# (.*)/.exec(line)?.[1] ?? []);
    const issues = await issuesOf(file);
    const told = formatIssues(issues).replaceAll(FOLDER, '').split('\n');
    t.deepEqual(
      told.map((line) => line.trim()),
      expected,
    );
    t.is(issues.length, 1, 'one fault, one message');
    for (const { suggestion, hint } of issues)
      t.true(suggestion !== undefined || hint !== undefined, 'it says what to do');
  });
