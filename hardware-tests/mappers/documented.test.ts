import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadMapper } from '#mappers/registry.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { readDevices } from '#runtime/config/device-files.js';
import { judgeBy } from '#runtime/config/judge-device.js';

const library = { names: templateNames, load: loadTemplate };
const manual = await readFile(new URL('../../../docs/mappers.md', import.meta.url), 'utf8');
const BLOCKS = [...manual.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text);

const API = 'apiVersion: devices.kubeedge.io/v1beta1';
const SPEC = `  deviceModelRef: { name: m }
  protocol: { protocolName: modbus, configData: { port: /dev/ttyUSB0 } }
`;
const REGISTERS = ['speed', 'pulse'].map(
  (name, offset) =>
    `    - { name: ${name}, type: INT, visitors: { protocolName: modbus, configData: { register: HoldingRegister, offset: ${offset} } } }\n`,
);

/** What the manual shows of a document, with the rest of it around. */
function whole(text: string): string {
  const model = (properties: string): string =>
    `kind: DeviceModel\n${API}\nmetadata: { name: m }\nspec:\n${properties}---\n`;
  const device = `kind: Device\n${API}\nmetadata: { name: d }\n`;
  if (text.startsWith('properties:'))
    return `${model(text.replaceAll(/^(?=.)/gm, '  '))}${device}spec:\n${SPEC}`;
  if (text.startsWith('spec:'))
    return `${model(`  properties:\n${REGISTERS.join('')}`)}${device}${text}${SPEC}`;
  const kind = /^kind: DeviceModel[^]*?name: ([a-z-]+)/.exec(text)?.[1];
  return kind === undefined ? text : `${text}---\ntemplate: ${kind}\nname: d\nport: /dev/ttyUSB0\n`;
}

test('the manual shows devices, models and parts of them', (t) => {
  t.true(BLOCKS.length >= 7);
});

BLOCKS.forEach((text, index) =>
  test(`what the manual shows as YAML is taken: ${index + 1}, ${text.split('\n')[0]}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'edgetwin-documented-'));
    t.teardown(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'd.yaml'), whole(text));
    const judge = judgeBy(loadMapper);
    const { devices, issues } = await readDevices(
      ...([folder, ['d.yaml'], undefined, judge, library, () => undefined] as const),
    );
    t.deepEqual(issues, []);
    t.is(devices.length, 1);
  }),
);
