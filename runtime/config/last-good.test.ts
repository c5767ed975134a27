import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { systemRandom } from '#protocol/random.js';
import { LastGood } from './last-good.js';
import { CONFIG_LIMITS } from './limits.js';
import { loadConfig } from './load.js';
import type { GatewayConfig } from './load.js';

const test = anyTest as TestFn<{ folder: string; kept: string }>;
const GOOD = 'node: pi-1\ndataDir: data\ndevices: [meter.yaml]\n';
const METER = `apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata: { name: meter }
spec: { properties: [{ name: power, type: FLOAT, accessMode: ReadOnly }] }
---
apiVersion: devices.kubeedge.io/v1beta1
kind: Device
metadata: { name: meter-1 }
spec: { deviceModelRef: { name: meter }, protocol: { protocolName: external, configData: { a: 1 } } }
`;

test.beforeEach(async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-last-good-'));
  t.context = { folder, kept: join(folder, 'last-good.json') };
  await writeFile(join(folder, 'gateway.yaml'), GOOD);
  await writeFile(join(folder, 'meter.yaml'), METER);
});
test.afterEach.always((t) => rm(t.context.folder, { recursive: true, force: true }));

interface Context {
  readonly folder: string;
  readonly kept: string;
}

/** One start of the program: what it runs by. */
async function chosen({ folder, kept }: Context, software = 'edgetwin 1'): Promise<GatewayConfig> {
  const lastGood = await LastGood.open(kept, software, systemRandom);
  return lastGood.choose(() => loadConfig(join(folder, 'gateway.yaml'), () => []));
}

/** A start that lasts long enough. */
async function proven(context: Context): Promise<GatewayConfig> {
  const config = await chosen(context);
  await (await LastGood.open(context.kept, 'edgetwin 1', systemRandom)).keep(config);
  return config;
}

const WRONG = [
  ['cut off in the middle of a device', 'meter.yaml', METER.slice(0, 200)],
  ['cut off in gateway.yaml', 'gateway.yaml', GOOD.slice(0, 12)],
  ['empty', 'gateway.yaml', ''],
  ['not YAML', 'meter.yaml', '{{{'],
  ['with a key that is misspelt', 'gateway.yaml', `${GOOD}brokr: {}\n`],
  ['with keys of a prototype', 'gateway.yaml', `${GOOD}__proto__: { a: 1 }\nconstructor: {}\n`],
  ['with a shell in it', 'gateway.yaml', GOOD.replace('pi-1', '"$(touch x);`touch x`"')],
  ['with paths that lead elsewhere', 'gateway.yaml', GOOD.replace('meter.yaml', '../../nothing')],
  ['bytes', 'meter.yaml', '\u0000\u0001\ufffd'],
] as const;
for (const [what, file, text] of WRONG)
  test(`G48: a configuration ${what}: the previous one goes on, and why is said`, async (t) => {
    const before = await proven(t.context);
    await writeFile(join(t.context.folder, file), text);
    const { fallback, ...config } = await chosen(t.context);
    t.true((fallback ?? '').length > 5);
    t.deepEqual(config, before);
    await writeFile(join(t.context.folder, 'gateway.yaml'), GOOD);
    await writeFile(join(t.context.folder, 'meter.yaml'), METER);
    t.is((await chosen(t.context)).fallback, undefined, 'mended, it is taken at once');
  });

test('G48: the first configuration has no previous one: it is refused with all its faults', async (t) => {
  await writeFile(join(t.context.folder, 'gateway.yaml'), 'nod: pi-1\n');
  await t.throwsAsync(chosen(t.context), { code: 'EDGE_CONFIG' } as object);
  t.log(`${WRONG.length} kinds of wrong ones are left for the previous, the first is refused`);
});

test('G49: a configuration that ends three starts too early is given up for the last that worked', async (t) => {
  const before = await proven(t.context);
  await writeFile(join(t.context.folder, 'gateway.yaml'), `${GOOD}flashBudget: 70\n`);
  for (let start = 0; start < CONFIG_LIMITS.startsMax; start += 1)
    t.like(await chosen(t.context), { flashBudget: 70, fallback: undefined });
  const { fallback, ...config } = await chosen(t.context);
  t.is(fallback, 'the present one ended 3 starts too early');
  t.log(`given up after ${CONFIG_LIMITS.startsMax} starts`);
  t.deepEqual(config, before);
  // Another attempt at mending it is another configuration, with three starts of its own.
  await writeFile(join(t.context.folder, 'gateway.yaml'), `${GOOD}flashBudget: 80\n`);
  t.like(await chosen(t.context), { flashBudget: 80, fallback: undefined });
});

test('G49: one that does not start at all, an address that is taken, is left at once', async (t) => {
  const before = await proven(t.context);
  const lastGood = await LastGood.open(t.context.kept, 'edgetwin 1', systemRandom);
  const taken = new EdgeError('EDGE_CONFIG', 'cannot listen');
  t.deepEqual(lastGood.insteadOf(taken), { ...before, fallback: 'cannot listen' });
  const full = new EdgeError('EDGE_STORAGE', 'full');
  t.is(
    t.throws(() => lastGood.insteadOf(full)),
    full as never,
    'another cause is not hidden',
  );
});

test('what is kept is for its owner, survives no other version, and a damaged file is none', async (t) => {
  await proven(t.context);
  t.is((await stat(t.context.kept)).mode & 0o777, 0o600);
  await writeFile(join(t.context.folder, 'gateway.yaml'), '');
  await t.throwsAsync(chosen(t.context, 'edgetwin 2'), { code: 'EDGE_CONFIG' } as object);
  const whole = await readFile(t.context.kept, 'utf8');
  for (const text of ['', 'null', whole.slice(0, 100), '['.repeat(1000)]) {
    await writeFile(t.context.kept, text);
    await t.throwsAsync(chosen(t.context), { code: 'EDGE_CONFIG' } as object);
  }
});
