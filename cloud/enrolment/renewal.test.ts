import test from 'ava';
import type { Peer } from '#tunnel/transport.js';
import { benchFor, HOUR_MS, peerOf } from './test-bench.js';
import { GREEDY_EXTENSIONS, testRequest } from './test-requests.js';

const DAY_MS = 24 * HOUR_MS;
const csr = (): { csr: string } => ({ csr: testRequest().toString('base64') });

test('a node renews its certificate; both are good until the old one ends', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  const old = peerOf(await enrolment.join(await request(), 'x'));
  clock.advance(60 * DAY_MS);
  const renewed = peerOf(await enrolment.renew(old, csr()));
  t.is(renewed.name, 'gw-1');
  t.not(renewed.serial, old.serial);
  t.true(enrolment.isNodeAllowed(old));
  t.true(enrolment.isNodeAllowed(renewed));
  const [, row] = enrolment.certificates({ node: 'gw-1' });
  t.deepEqual(row?.from, { renewal: old.serial });
  t.is(row?.untilMs, clock.wallTime() - 300_000 + 90 * DAY_MS);
});

test('a renewal says the old name, whatever it asks for', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const old = peerOf(await enrolment.join(await request(), 'x'));
  const greedy = testRequest({ commonName: 'gw-2', extensions: GREEDY_EXTENSIONS });
  const renewed = peerOf(await enrolment.renew(old, { csr: greedy.toString('base64') }));
  t.is(renewed.name, 'gw-1');
});

test('a lapsed certificate is renewed for 90 days, then no more', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  const old = peerOf(await enrolment.join(await request(), 'x'));
  clock.advance(179 * DAY_MS);
  t.is(peerOf(await enrolment.renew(old, csr())).name, 'gw-1');
  clock.advance(2 * DAY_MS);
  await t.throwsAsync(enrolment.renew(old, csr()), { code: 'EDGE_CERTIFICATE' });
});

test('who was revoked or replaced, or is unknown, renews nothing', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const replaced = peerOf(await enrolment.join(await request(), 'x'));
  const revoked = peerOf(await enrolment.join(await request(), 'x'));
  await enrolment.revokeNode('gw-1');
  for (const holder of [replaced, revoked, { ...revoked, serial: '00' }])
    await t.throwsAsync(enrolment.renew(holder, csr()), { code: 'EDGE_FORBIDDEN' });
  await t.throwsAsync(enrolment.renew(undefined, csr()), { code: 'EDGE_UNAUTHENTICATED' });
});

test('a node that is revoked while its renewal waits gets nothing', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const old = peerOf(await enrolment.join(await request(), 'x'));
  const renewal = enrolment.renew(old, csr());
  await enrolment.revokeNode('gw-1');
  await t.throwsAsync(renewal, { code: 'EDGE_FORBIDDEN' });
  t.deepEqual(
    enrolment.certificates({ node: 'gw-1' }).map(({ revoked }) => revoked?.why),
    ['revoked'],
  );
});

test('renewals of one node are few, and never push out the certificate that asks', async (t) => {
  const { enrolment, request, clock } = await benchFor(t);
  const old: Peer = peerOf(await enrolment.join(await request(), 'x'));
  for (let count = 0; count < 6; count++) await enrolment.renew(old, csr());
  await t.throwsAsync(enrolment.renew(old, csr()), { code: 'EDGE_LIMIT' });
  for (let day = 0; day < 20; day++) {
    clock.advance(DAY_MS);
    await enrolment.renew(old, csr());
  }
  t.is(enrolment.certificates({ node: 'gw-1' }).length, 8);
  t.true(enrolment.isNodeAllowed(old));
});

test('a renewal without a request, or with an evil one, is refused', async (t) => {
  const { enrolment, request } = await benchFor(t);
  const old = peerOf(await enrolment.join(await request(), 'x'));
  for (const body of [null, [], {}, { csr: 1 }, { csr: 'AAAA' }])
    await t.throwsAsync(enrolment.renew(old, body), { code: 'EDGE_MALFORMED' });
});
