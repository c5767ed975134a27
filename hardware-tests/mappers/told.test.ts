import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { Arguments } from '#protocol/command-line/parse.js';
import { seededRandom } from '#protocol/random.js';
import { loadMapper } from '#mappers/registry.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { mapperVerbs } from '#mappers/tools/verbs.js';
import { namedDevices } from '#runtime/cli/named-devices.js';

const devices = namedDevices(loadMapper, { names: templateNames, load: loadTemplate });
const VERBS = mapperVerbs({ devices, clock: systemClock, random: seededRandom(5) });
const signal = new AbortController().signal;

/** Runs a verb as the command line would: what it wrote. */
async function run(verb: string, file: string, operands: Record<string, string>): Promise<string> {
  let out = '';
  const terminal = { out: (text: string) => void (out += text), err: () => undefined, signal };
  const args = new Arguments(new Map(Object.entries(operands)), new Map([['devices', [file]]]));
  await VERBS[verb]?.(args, terminal);
  return out;
}

async function file(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-told-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'meters.yaml'), text);
  return join(folder, 'meters.yaml');
}

test('a write to a property that is only read says so, and what to do', async (t) => {
  const meters = await file(t, 'template: sdm120\nname: m\nhost: 127.0.0.1\ntcpPort: 1\n');
  const operands = { 'NAMESPACE/NAME': 'm', PROPERTY: 'voltage', VALUE: '1' };
  const error = await t.throwsAsync(run('mapper write', meters, operands));
  t.like(error, { code: 'EDGE_READ_ONLY', message: 'voltage is ReadOnly' });
  t.like(error, {
    hint: 'If the device can be written there, say accessMode: ReadWrite in its model.',
  });
});

test('a file of devices that is not there is named as it was written, and where it was looked for', async (t) => {
  const error = await t.throwsAsync(run('mapper plan', 'nofile.yaml', {}));
  t.like(error, { code: 'EDGE_CONFIG' });
  t.regex(error.message, /^nofile\.yaml is \/.*\/nofile\.yaml, which is no file$/);
});

test('the list of templates says what each was proven with', async (t) => {
  const lines = (await run('mapper template list', '', {})).split('\n');
  t.regex(lines[0] ?? '', /^TEMPLATE +VERIFIED +EXCHANGE +DEVICE$/);
  for (const said of [/^abb-b23 .* register map /, /^pms5003 .* recorded /, /^iem3155 .* live /])
    t.true(
      lines.some((line) => said.test(line)),
      String(said),
    );
});
