import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { EdgeError } from '#protocol/errors.js';
import { decodeJoinToken } from '#protocol/join.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import type { Store } from '#journal/store.js';
import { Enrolment } from './enrolment.js';
import type { EnrolmentTables } from './tables.js';
import { benchFor, HOUR_MS, peerOf } from './test-bench.js';
import {
  GREEDY_EXTENSIONS,
  newPrivateKey,
  testRequest,
  type TestRequest,
} from './test-requests.js';

test('a token is one line that says where, whom to trust, who, and what is proof', async (t) => {
  const { enrolment, authority, clock, store } = await benchFor(t);
  const created = await enrolment.createToken({ node: 'gw-1' });
  const token = decodeJoinToken(created.token);
  t.like(token, { hub: 'wss://hub:1', pin: authority.pin, id: created.id, node: 'gw-1' });
  t.is(created.expiresAt, clock.wallTime() + 24 * HOUR_MS);
  t.false(JSON.stringify([...store.rows('joinTokens')]).includes(token.secret));
});

test('a join gives a certificate of the node of the token, and the node is allowed', async (t) => {
  const { enrolment, authority, request, events } = await benchFor(t);
  const answer = await enrolment.join(await request(), 'x');
  t.is(answer.node, 'gw-1');
  t.is(answer.authority, authority.certificate);
  const peer = peerOf(answer);
  t.is(peer.name, 'gw-1');
  t.true(enrolment.isNodeAllowed(peer));
  for (const change of [{ name: 'gw-2' }, { serial: '00' }, { fingerprint: '00' }])
    t.false(enrolment.isNodeAllowed({ ...peer, ...change }));
  t.deepEqual(events.slice(-3), ['token created', 'certificate issued', 'join granted']);
});

test('E35: whatever a request asks for, the certificate says what the token says', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const greedy = testRequest({ commonName: 'gw-2', extensions: GREEDY_EXTENSIONS });
  const { certificate } = await enrolment.join(await request('gw-1', greedy), 'x');
  const read = new X509Certificate(certificate);
  t.is(read.subject, 'CN=gw-1');
  t.is(read.subjectAltName, 'URI:urn:edgetwin:node:gw-1');
  t.deepEqual(read.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  t.false(read.ca);
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 512 }).privateKey;
const refused: readonly [string, TestRequest | Buffer, string][] = [
  ['an RSA key', { privateKey: rsa }, 'EDGE_CERTIFICATE'],
  ['an RSA key of 512 bits', { privateKey: weakRsa }, 'EDGE_CERTIFICATE'],
  ['a key on P-192', { privateKey: newPrivateKey('prime192v1') }, 'EDGE_CERTIFICATE'],
  ['a key on P-384', { privateKey: newPrivateKey('P-384') }, 'EDGE_CERTIFICATE'],
  ['a key on secp256k1', { privateKey: newPrivateKey('secp256k1') }, 'EDGE_CERTIFICATE'],
  ['the signature of another key', { signedBy: newPrivateKey() }, 'EDGE_CERTIFICATE'],
  ['no bytes', Buffer.alloc(0), 'EDGE_MALFORMED'],
  ['zeroes', Buffer.alloc(300), 'EDGE_MALFORMED'],
  ['a length of 2 GB', Buffer.from('30847fffffff00', 'hex'), 'EDGE_MALFORMED'],
  ['deep nesting', Buffer.from('3080'.repeat(900), 'hex'), 'EDGE_MALFORMED'],
  ['half a request', testRequest().subarray(0, 100), 'EDGE_MALFORMED'],
];
for (const [what, wanted, code] of refused)
  test(`E35: a request with ${what} is refused, and the token is not spent`, async (t) => {
    const { enrolment, request } = await benchFor(t);
    const csr = Buffer.isBuffer(wanted) ? wanted : testRequest(wanted);
    const asked = await request('gw-1', csr);
    await t.throwsAsync(enrolment.join(asked, 'x'), { code });
    await enrolment.join({ ...asked, csr: testRequest().toString('base64') }, 'x');
  });

test('E35: a request with any one byte changed is refused, or certifies the key that signed it', async (t) => {
  const { enrolment, clock } = await benchFor(t);
  const privateKey = newPrivateKey();
  const good = testRequest({ privateKey });
  let refusals = 0;
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const changed = Buffer.from(good);
      changed[at] = (changed[at] ?? 0) ^ by;
      clock.advance(1_000);
      const { id, secret } = decodeJoinToken((await enrolment.createToken({ node: 'gw-1' })).token);
      try {
        const body = { id, secret, csr: changed.toString('base64') };
        const { certificate } = await enrolment.join(body, 'x');
        t.true(new X509Certificate(certificate).checkPrivateKey(privateKey), `byte ${at}`);
      } catch (error) {
        t.true(error instanceof EdgeError);
        t.true(['EDGE_MALFORMED', 'EDGE_CERTIFICATE'].includes((error as EdgeError).code));
        refusals++;
      }
    }),
    { numRuns: 100 },
  );
  t.log(`${refusals} of 100 changed requests refused, the others of the same key`);
});

test('a lost answer is given again to the same key, also by a hub that restarted', async (t) => {
  const { enrolment, request, reopened, clock } = await benchFor(t);
  const asked = await request();
  const first = await enrolment.join(asked, 'x');
  clock.advance(23 * HOUR_MS);
  t.deepEqual(await enrolment.join(asked, 'x'), first);
  t.deepEqual(await reopened().join(asked, 'x'), first);
  t.is(enrolment.certificates().length, 1);
});

test('E37: a token that was used is refused to any other key', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const asked = await request();
  await enrolment.join(asked, 'x');
  const again = { ...asked, csr: testRequest().toString('base64') };
  await t.throwsAsync(enrolment.join(again, 'x'), { code: 'EDGE_TOKEN', message: /used/ });
  t.is(enrolment.certificates().length, 1);
});

test('E37: of two keys that come at once with one token, one gets a certificate', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const asked = await request();
  const other = { ...asked, csr: testRequest().toString('base64') };
  const results = await Promise.allSettled([asked, other].map((body) => enrolment.join(body, 'x')));
  t.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  t.is(enrolment.certificates().length, 1);
});

test('the same request twice at once gets one certificate', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const asked = await request();
  const [one, two] = await Promise.all([enrolment.join(asked, 'x'), enrolment.join(asked, 'x')]);
  t.deepEqual(one, two);
  t.is(enrolment.certificates().length, 1);
});

test('E37: an expired, a withdrawn and an unknown token are refused', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  const [late, withdrawn] = [await request(), await request()];
  t.true(await enrolment.withdrawToken(withdrawn.id));
  t.false(await enrolment.withdrawToken(withdrawn.id));
  await t.throwsAsync(enrolment.join(withdrawn, 'x'), { code: 'EDGE_TOKEN' });
  clock.advance(24 * HOUR_MS - 1);
  clock.advance(1);
  await t.throwsAsync(enrolment.join(late, 'x'), { code: 'EDGE_TOKEN', message: /expired/ });
  await t.throwsAsync(enrolment.join({ ...late, id: 'f'.repeat(16) }, 'x'), { code: 'EDGE_TOKEN' });
});

test('E37: a wrong secret is told no more than an unknown token', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  const asked = await request();
  await enrolment.join(asked, 'x');
  clock.advance(30 * HOUR_MS);
  const wrong = { ...asked, secret: '0'.repeat(32) };
  const errors = await Promise.all(
    [wrong, { ...wrong, id: 'f'.repeat(16) }].map((body) =>
      t.throwsAsync(enrolment.join(body, 'x')),
    ),
  );
  t.is(new Set(errors.map((error) => error.message)).size, 1);
});

test('E37: guessing one token is slowed down, and others are not', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  const [victim, other] = [await request('gw-1'), await request('gw-2')];
  const codes: string[] = [];
  for (let guess = 0; guess < 30; guess++) {
    const secret = guess.toString(16).padStart(32, '0');
    await enrolment.join({ ...victim, secret }, 'x').catch((error: unknown) => {
      codes.push((error as EdgeError).code);
    });
  }
  t.is(codes.filter((code) => code === 'EDGE_TOKEN').length, 20);
  t.is(codes.filter((code) => code === 'EDGE_LIMIT').length, 10);
  t.log('20 guesses of a token a minute are judged, then none');
  t.is((await enrolment.join(other, 'x')).node, 'gw-2');
  clock.advance(60_000);
  t.is((await enrolment.join(victim, 'x')).node, 'gw-1');
});

test('E37: a flood of unknown tokens is bounded, and does not use up what issues certificates', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  const asked = await request();
  let limited = 0;
  for (let index = 0; index < 600; index++) {
    const id = index.toString(16).padStart(16, '0');
    await enrolment
      .join({ ...asked, id }, 'x')
      .catch((error: unknown) => ((error as EdgeError).code === 'EDGE_LIMIT' ? limited++ : 0));
  }
  t.is(limited, 100);
  t.log('of 600 unknown tokens at once 500 are judged');
  clock.advance(1_000);
  t.is((await enrolment.join(asked, 'x')).node, 'gw-1');
});

test('a later join of a node replaces its certificate, and the first token is worth nothing', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const first = await request();
  const before = await enrolment.join(first, 'x');
  const after = await enrolment.join(await request(), 'x');
  t.false(enrolment.isNodeAllowed(peerOf(before)));
  t.true(enrolment.isNodeAllowed(peerOf(after)));
  await t.throwsAsync(enrolment.join(first, 'x'), { code: 'EDGE_TOKEN' });
});

test('revoking a node ends its certificates and its tokens, and nobody else’s', async (t) => {
  const { enrolment, request, reopened } = await benchFor(t);
  const answers = [
    await enrolment.join(await request('gw-1'), 'x'),
    await enrolment.join(await request('gw-2'), 'x'),
  ];
  const open = await request('gw-1');
  t.is(await enrolment.revokeNode('gw-1'), 1);
  const allowed = answers.map((answer) => {
    const peer = peerOf(answer);
    return [enrolment.isNodeAllowed(peer), reopened().isNodeAllowed(peer)];
  });
  t.deepEqual(allowed, [
    [false, false],
    [true, true],
  ]);
  await t.throwsAsync(enrolment.join(open, 'x'), { code: 'EDGE_TOKEN' });
  t.deepEqual(
    enrolment.certificates({ node: 'gw-1' }).map(({ revoked }) => revoked?.why),
    ['revoked'],
  );
});

test('E37: a certificate leaves only after its token was marked used on the disk', async (t) => {
  const { authority, clock } = await benchFor(t);
  const rows = new Map<string, Map<string, unknown>>();
  let release: (() => void) | undefined;
  let hold = false;
  const store = {
    get: (table: string, key: string) => rows.get(table)?.get(key),
    rows: (table: string) => rows.get(table) ?? new Map(),
    commit: (puts: readonly { table: string; key: string; row: unknown }[]) => {
      for (const { table, key, row } of puts)
        rows.set(table, (rows.get(table) ?? new Map<string, unknown>()).set(key, row));
      return hold ? new Promise<void>((resolve) => (release = resolve)) : Promise.resolve();
    },
  } as unknown as Store<EnrolmentTables>;
  const options = { store, authority, hubUrl: () => 'wss://hub:1', clock };
  const enrolment = new Enrolment({ ...options, random: systemRandom, log: silentLog });
  const { id, secret } = decodeJoinToken((await enrolment.createToken({ node: 'gw-1' })).token);
  hold = true;
  let answered = false;
  const body = { id, secret, csr: testRequest().toString('base64') };
  const joining = enrolment.join(body, 'x').finally(() => (answered = true));
  while (release === undefined) await new Promise((resolve) => setImmediate(resolve));
  t.truthy((rows.get('joinTokens')?.get(id) as { used?: unknown }).used);
  await new Promise((resolve) => setImmediate(resolve));
  t.false(answered);
  release();
  t.is((await joining).node, 'gw-1');
});

for (const node of ['', 'GW', '-a', 'a'.repeat(64), '../x', 'a b', 'gw\n', '__proto__'])
  test(`"${node.slice(0, 10)}" cannot be the name of a node`, async (t) => {
    const { enrolment } = await benchFor(t);
    await t.throwsAsync(enrolment.createToken({ node }), { code: 'EDGE_CONFIG' });
  });

for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 31 * 24 * HOUR_MS])
  test(`a token cannot live for ${ttlMs} ms`, async (t) => {
    const { enrolment } = await benchFor(t);
    await t.throwsAsync(enrolment.createToken({ node: 'gw-1', ttlMs }), { code: 'EDGE_CONFIG' });
  });

test('expired tokens and certificates are forgotten', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  await enrolment.join(await request(), 'x');
  clock.advance(181 * 24 * HOUR_MS);
  const { id } = await enrolment.createToken({ node: 'gw-2' });
  t.deepEqual(
    enrolment.tokens().map((token) => token.id),
    [id],
  );
  t.deepEqual(enrolment.certificates(), []);
});

test('any body that is no join request is refused as what it is', async (t) => {
  const { enrolment, clock } = await benchFor(t);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.anything(),
        fc.record({ id: fc.anything(), secret: fc.anything(), csr: fc.anything() }),
      ),
      async (body) => {
        clock.advance(1_000);
        await t.throwsAsync(enrolment.join(body, 'x'), {
          instanceOf: EdgeError,
          code: 'EDGE_MALFORMED',
        });
      },
    ),
  );
  const long = { id: '0'.repeat(16), secret: '0'.repeat(32), csr: 'A'.repeat(100_000) };
  await t.throwsAsync(enrolment.join(long, 'x'), { code: 'EDGE_LIMIT' });
});
