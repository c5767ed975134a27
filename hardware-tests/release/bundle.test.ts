import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import anyTest from 'ava';
import type { ExecutionContext, TestFn } from 'ava';
import fc from 'fast-check';
import { unpackBundle, verifyBundle } from '#runtime/release/bundle.js';
import type { BundlePolicy } from '#runtime/release/bundle.js';
import { RELEASE_LIMITS } from '#runtime/release/limits.js';
import { parseRoots } from '#runtime/release/signature.js';
import { EDGETWIN, runVerb } from '../programs.js';
import { makeBundle, sealBundle, sha256 } from './bundle-maker.js';
import type { ReleaseFacts, Signer, TreeFile } from './bundle-maker.js';
import { grantOf, newKey, privateKeyOf, publicText, signatureText } from './keys.js';

const test = anyTest as TestFn<{ folder: string }>;
const ROOT = privateKeyOf(newKey());
const KEY = privateKeyOf(newKey());
const UNTIL = '2028-01-01T00:00:00Z';
const SIGNER: Signer = { key: KEY, grant: grantOf(ROOT, KEY, UNTIL) };
const FACTS: ReleaseFacts = {
  version: '1.2.3',
  counter: 7,
  architecture: 'arm64',
  made: '2026-01-01T00:00:00Z',
  expires: '2027-01-01T00:00:00Z',
};
const POLICY: BundlePolicy = {
  roots: parseRoots(publicText(ROOT)),
  product: 'edgetwin',
  architecture: 'arm64',
  newerThan: 6,
  nowMs: Date.parse('2026-06-01T00:00:00Z'),
};
const FILES: readonly TreeFile[] = [
  { path: 'package.json', bytes: Buffer.from('{}'), executable: false },
  { path: 'dist/edgetwin.js', bytes: Buffer.alloc(100_000, 'code '), executable: true },
  { path: 'dist/empty', bytes: Buffer.alloc(0), executable: false },
];
const GOOD = makeBundle(FILES, FACTS, SIGNER);

test.beforeEach(async (t) => {
  t.context.folder = await mkdtemp(join(tmpdir(), 'edgetwin-bundle-'));
});
test.afterEach.always((t) => rm(t.context.folder, { recursive: true, force: true }));

type Context = ExecutionContext<{ folder: string }>;

async function written(t: Context, bytes: Uint8Array): Promise<string> {
  const path = join(t.context.folder, 'a.bundle');
  await writeFile(path, bytes);
  return path;
}

async function refused(
  t: Context,
  bytes: Uint8Array,
  message: RegExp,
  policy: Partial<BundlePolicy> = {},
): Promise<void> {
  const path = await written(t, bytes);
  await t.throwsAsync(verifyBundle(path, { ...POLICY, ...policy }), {
    code: 'EDGE_BUNDLE',
    message,
  });
}

/** A manifest with other fields, sealed as a release key would seal it. */
function sealed(more: object, packed: Buffer = gzipSync(Buffer.from('{}'))): Buffer {
  const files = [{ path: 'a', size: 2, sha256: sha256(Buffer.from('{}')), executable: false }];
  const hashed = { size: packed.length, sha256: sha256(packed) };
  const manifest = { product: 'edgetwin', ...FACTS, packed: hashed, files, ...more };
  return sealBundle(JSON.stringify(manifest), packed, SIGNER);
}

const entry = (path: unknown, more: object = {}): object => ({
  files: [{ path, size: 2, sha256: sha256(Buffer.from('{}')), executable: false, ...more }],
});

test('a bundle of our own is sound, and unpacks to the files it was made of', async (t) => {
  const path = await written(t, GOOD);
  const bundle = await verifyBundle(path, POLICY);
  t.false(bundle.clockBehind);
  t.like(bundle.manifest, { product: 'edgetwin', version: '1.2.3', counter: 7 });
  const found = new Map<string, Buffer[]>();
  for await (const { file, bytes } of unpackBundle(path, bundle))
    found.set(file.path, [...(found.get(file.path) ?? []), bytes]);
  for (const { path: name, bytes } of FILES)
    t.is(sha256(Buffer.concat(found.get(name) ?? [])), sha256(bytes), name);
  t.is(found.size, FILES.length);
});

test('J55: one flipped bit anywhere: refused', async (t) => {
  const path = join(t.context.folder, 'a.bundle');
  await fc.assert(
    fc.asyncProperty(fc.nat(GOOD.length - 1), fc.nat(7), async (at, bit) => {
      const bytes = Buffer.from(GOOD);
      bytes[at]! ^= 1 << bit;
      await writeFile(path, bytes);
      await t.throwsAsync(verifyBundle(path, POLICY), { code: 'EDGE_BUNDLE' });
    }),
    { numRuns: 100 },
  );
});

test('J55: cut short or made longer: refused', async (t) => {
  for (const end of [0, 5, 18, 100, GOOD.length - 1])
    await refused(t, GOOD.subarray(0, end), /it |line/);
  await refused(t, Buffer.concat([GOOD, Buffer.from('x')]), /bytes and should have/);
  await refused(t, Buffer.from('PK\u0003\u0004'.repeat(100)), /line 1|no release bundle/);
});

test('J55: an older version, or the same again: refused', async (t) => {
  await refused(t, GOOD, /counter is 7, and 7 is installed/, { newerThan: 7 });
  await refused(t, GOOD, /counter is 7, and 8 is installed/, { newerThan: 8 });
});

test('J55: another product, another processor: refused', async (t) => {
  await refused(t, sealed({ product: 'edgetwin-hub' }), /release key is for edgetwin, not/);
  await refused(t, GOOD, /it is of edgetwin, not of other/, { product: 'other' });
  await refused(t, GOOD, /it is for arm64, this is arm/, { architecture: 'arm' });
  const path = await written(t, sealed({ architecture: 'any' }));
  await t.notThrowsAsync(verifyBundle(path, POLICY));
});

test('J55: wrong key: another root, a release key without grant, a grant for another purpose: refused', async (t) => {
  const stranger = privateKeyOf(newKey());
  const byStranger = { key: KEY, grant: grantOf(stranger, KEY, UNTIL) };
  await refused(t, makeBundle(FILES, FACTS, byStranger), /not signed by a root key/);
  const stolenGrant = { key: stranger, grant: SIGNER.grant };
  await refused(t, makeBundle(FILES, FACTS, stolenGrant), /not signed by its release key/);
  // A signature of the root key over these bytes, made for something else.
  const [grant = ''] = SIGNER.grant.split('\n');
  const crossed = { key: KEY, grant: `${grant}\n${signatureText(ROOT, 'manifest', grant)}\n` };
  await refused(t, makeBundle(FILES, FACTS, crossed), /not signed by a root key/);
});

test('J55: two root keys are trusted while one replaces the other', async (t) => {
  const next = publicText(privateKeyOf(newKey()));
  const roots = parseRoots(`# the next one\n${next}\n\n${publicText(ROOT)}\n`);
  await t.notThrowsAsync(verifyBundle(await written(t, GOOD), { ...POLICY, roots }));
  for (const text of ['', 'abc', `${next}x`, Array(9).fill(next).join('\n')])
    t.throws(() => parseRoots(text), { code: 'EDGE_CONFIG' } as object);
});

test('J55: an expired manifest, an expired release key: refused; a clock before both is said', async (t) => {
  const late = Date.parse('2027-06-01T00:00:00Z');
  await refused(t, GOOD, /it expired at 2027-01-01/, { nowMs: late });
  const old = { key: KEY, grant: grantOf(ROOT, KEY, '2026-03-01T00:00:00Z') };
  await refused(t, makeBundle(FILES, FACTS, old), /release key expired at 2026-03-01/);
  // Also when the clock cannot tell: the release is younger than the end of its key.
  const dead = { key: KEY, grant: grantOf(ROOT, KEY, '2025-03-01T00:00:00Z') };
  await refused(t, makeBundle(FILES, FACTS, dead), /release key expired/, { nowMs: 0 });
  const { clockBehind } = await verifyBundle(await written(t, GOOD), { ...POLICY, nowMs: 0 });
  t.true(clockBehind);
});

for (const path of [
  '../evil',
  'dist/../../evil',
  '/etc/passwd',
  'a//b',
  'a/./b',
  'a\\..\\b',
  'a\u0000b',
  '',
  '.',
  'C:/x',
  'x'.repeat(201),
  7,
  null,
])
  test(`J55: CVE-2026-62369: an entry with the path ${JSON.stringify(path).slice(0, 30)}: refused`, (t) =>
    refused(t, sealed(entry(path)), /path that leads elsewhere/));

test('J55: a symbolic link, a device, any entry that is no file: refused', async (t) => {
  for (const more of [{ link: '/etc' }, { type: 'symlink' }, { type: 'device' }, { mode: 4755 }])
    await refused(t, sealed(entry('a', more)), /field that is not known/);
});

test('J55: a file twice, a file that is also a folder: refused', async (t) => {
  const file = { size: 0, sha256: sha256(Buffer.alloc(0)), executable: false };
  for (const [first, second] of [
    ['a', 'a'],
    ['a/B', 'A/b'],
    ['a', 'a/b'],
  ])
    await refused(
      t,
      sealed({ files: [first, second].map((path) => ({ path, ...file })) }),
      /twice|a folder of it/,
    );
});

test('J55: a million entries, also signed ones: refused before they are read', async (t) => {
  const manifest = `{"files":[${'{},'.repeat(1_000_000)}{}]}`;
  await refused(t, sealBundle(manifest, Buffer.alloc(0), SIGNER), /line 4 of it has more than/);
  const many = Array.from({ length: RELEASE_LIMITS.files + 1 }, () => 0);
  await refused(t, sealed({ files: many }), /4097 files, at most 4096/);
});

test('J55: a bomb: more unpacked than the manifest says, or than is allowed: refused', async (t) => {
  const bomb = gzipSync(Buffer.alloc(30_000_000));
  const before = process.memoryUsage().rss;
  await refused(t, sealed({}, bomb), /a is damaged|unpacks to more/);
  t.true(process.memoryUsage().rss - before < 16 * 1024 * 1024);
  const huge = entry('a', { size: RELEASE_LIMITS.unpackedBytes + 1 });
  await refused(t, sealed(huge, bomb), /its size is/);
  const sum = { size: RELEASE_LIMITS.unpackedBytes, sha256: 'a'.repeat(64), executable: false };
  const two = { files: ['a', 'b'].map((path) => ({ path, ...sum })) };
  await refused(t, sealed(two, bomb), /unpacked it has/);
  await refused(t, sealed({ files: [] }), /unpacks to more/);
  await refused(t, sealed(entry('a', { size: 3 })), /unpacks to less/);
  await refused(t, sealed(entry('a'), Buffer.from('no gzip')), /cannot be unpacked/);
});

test('J55: fields of a wrong kind in a signed manifest: refused', async (t) => {
  for (const key of ['version', 'counter', 'architecture', 'made', 'expires', 'packed', 'files'])
    for (const value of [null, [], {}, '', -1, 1.5, 'x'.repeat(99), true, 2 ** 53])
      await refused(
        t,
        sealed(key === 'files' && Array.isArray(value) ? { files: [null] } : { [key]: value }),
        /its |it /,
      );
  await refused(t, sealBundle('null', Buffer.alloc(0), SIGNER), /no object/);
  await refused(t, sealBundle('{"__proto__":1}', Buffer.alloc(0), SIGNER), /its manifest/);
  await refused(t, sealBundle('['.repeat(500_000), Buffer.alloc(0), SIGNER), /cannot be read/);
});

test('edgetwin verify says what a bundle is, and ends with 4 for one that must not be installed', async (t) => {
  const roots = join(t.context.folder, 'root.pub');
  await writeFile(roots, `${publicText(ROOT)}\n`);
  const file = await written(
    t,
    makeBundle(
      FILES,
      { ...FACTS, expires: '2999-01-01T00:00:00Z' },
      {
        key: KEY,
        grant: grantOf(ROOT, KEY, '2999-01-01T00:00:00Z'),
      },
    ),
  );
  const words = ['verify', file, '--root', roots, '--architecture', 'arm64'];
  const good = await runVerb(EDGETWIN, words);
  t.is(good.code, 0, good.stderr);
  t.regex(good.stdout, /is sound: edgetwin 1\.2\.3 \(counter 7\) for arm64, 3 files/);
  const json = await runVerb(EDGETWIN, [...words, '--json']);
  t.like(JSON.parse(json.stdout), { counter: 7, files: 3, clockBehind: false });
  const older = await runVerb(EDGETWIN, [...words, '--newer-than', '7']);
  t.is(older.code, 4);
  t.regex(older.stderr, /EDGE_BUNDLE: its counter is 7, and 7 is installed\nhint: /);
  t.is((await runVerb(EDGETWIN, ['verify', file, '--root', `${roots}.none`])).code, 2);
  t.is((await runVerb(EDGETWIN, [...words, '--newer-than', 'x'])).code, 2);
  t.true((await readFile(file)).length > 0);
});
