import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemRandom } from '#protocol/random.js';
import { certifiedHub, certifiedNode } from '#tunnel/transport.js';
import { Authority } from './authority.js';
import { HubCertificate, hubNames } from './hub-certificate.js';
import { newPrivateKey } from './test-requests.js';

const DAY_MS = 86_400_000;

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'authority-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

function open(path: string, clock = new ManualClock(systemClock.wallTime())): Promise<Authority> {
  return Authority.open({ folder: path, clock, random: systemRandom, log: silentLog });
}

function serverOf(authority: Authority, path: string, names: string[], clock?: ManualClock) {
  return new HubCertificate({
    ...{ authority, folder: path, names, random: systemRandom, log: silentLog },
    clock: clock ?? new ManualClock(systemClock.wallTime()),
  }).current();
}

const spki = () => createPublicKey(newPrivateKey()).export({ format: 'der', type: 'spki' });

test('the first start makes an authority that may sign certificates and nothing more', async (t) => {
  const path = await folder(t);
  const authority = await open(path);
  const certificate = new X509Certificate(authority.certificate);
  t.true(certificate.ca);
  t.true(certificate.verify(certificate.publicKey));
  t.is(certificate.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const { raw } = certificate;
  t.true(raw.includes(Buffer.from('0603551d130101ff040830060101ff020102', 'hex')), 'pathLen 2');
  const issuing = new X509Certificate(authority.issuer);
  t.true(issuing.verify(certificate.publicKey));
  t.true(issuing.raw.includes(Buffer.from('0603551d130101ff040830060101ff020100', 'hex')));
  t.true(raw.includes(Buffer.from('0603551d0f0101ff040403020106', 'hex')), 'certSign, cRLSign');
  t.regex(authority.pin, /^[0-9a-f]{64}$/);
  for (const name of await readdir(path)) t.is((await stat(join(path, name))).mode & 0o777, 0o600);
});

test('it is the same authority after a restart', async (t) => {
  const path = await folder(t);
  const first = await open(path);
  const second = await open(path);
  t.is(second.certificate, first.certificate);
  t.is(second.pin, first.pin);
});

test('a key without its certificate, as after a power cut, is certified; the pin stays', async (t) => {
  const path = await folder(t);
  const { pin } = await open(path);
  await unlink(join(path, 'ca.crt'));
  t.is((await open(path)).pin, pin);
});

test('a lost or foreign key is never replaced silently: every node would be locked out', async (t) => {
  const [path, other] = [await folder(t), await folder(t)];
  await open(path);
  await open(other);
  await writeFile(join(path, 'ca.key'), await readFile(join(other, 'ca.key')));
  await t.throwsAsync(open(path), { code: 'EDGE_CERTIFICATE' });
  await writeFile(join(path, 'ca.key'), 'damaged');
  await t.throwsAsync(open(path), { code: 'EDGE_CERTIFICATE' });
});

test('the key of the root may be away, that which certifies may not', async (t) => {
  const path = await folder(t);
  const { pin } = await open(path);
  await unlink(join(path, 'ca.key'));
  const authority = await open(path);
  t.is(authority.pin, pin);
  await authority.issueNode('gw-1', spki());
  await unlink(join(path, 'issuing-1.key'));
  await t.throwsAsync(open(path), { code: 'EDGE_CERTIFICATE' });
});

test('with a clock before this product existed nothing is signed', async (t) => {
  await t.throwsAsync(open(await folder(t), new ManualClock(0)), {
    code: 'EDGE_CERTIFICATE',
    message: /clock/,
  });
});

test('the hub is certified for every name it has, as a server only', async (t) => {
  const path = await folder(t);
  const authority = await open(path);
  const names = hubNames('10.1.2.3', 'Hub-Host', ['hub.example', '2001:db8::1']);
  const identity = await serverOf(authority, path, names);
  const certificate = new X509Certificate(identity.certificate);
  const authorities = [new X509Certificate(authority.issuer)];
  for (const name of names)
    t.is(certifiedHub(certificate, authorities, name, systemClock.wallTime()).name, name);
  t.throws(() => certifiedHub(certificate, authorities, 'other', systemClock.wallTime()));
  t.throws(() => certifiedNode(certificate, authorities));
  t.true(identity.certificate.endsWith(authority.certificate), 'the chain shows the authority');
});

test('the hub’s certificate is kept until names change or two thirds of its life have passed', async (t) => {
  const path = await folder(t);
  const clock = new ManualClock(systemClock.wallTime());
  const authority = await open(path, clock);
  const serial = async (names: string[]): Promise<string> =>
    new X509Certificate((await serverOf(authority, path, names, clock)).certificate).serialNumber;
  const first = await serial(['localhost', '::1']);
  t.is(await serial(['::1', 'localhost']), first);
  const second = await serial(['localhost', '::1', 'hub']);
  t.not(second, first);
  const third = await serial(['localhost']);
  t.not(third, second);
  clock.advance(240 * DAY_MS);
  t.is(await serial(['localhost']), third);
  clock.advance(5 * DAY_MS);
  const fourth = await serial(['localhost']);
  t.not(fourth, third);
  await unlink(join(path, 'hub.key'));
  t.not(await serial(['localhost']), fourth);
});

test('a node’s certificate says what the policy says: a client, one name, 90 days', async (t) => {
  const clock = new ManualClock(Date.UTC(2026, 5, 1));
  const authority = await open(await folder(t), clock);
  const publicKey = spki();
  const issued = await authority.issueNode('gw-1', publicKey);
  const certificate = new X509Certificate(issued.certificate);
  t.is(certificate.subject, 'CN=gw-1');
  t.is(certificate.subjectAltName, 'URI:urn:edgetwin:node:gw-1');
  t.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  t.false(certificate.ca);
  t.deepEqual(certificate.publicKey.export({ format: 'der', type: 'spki' }), publicKey);
  t.is(Date.parse(certificate.validFrom), clock.wallTime() - 300_000);
  t.is(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom), 90 * DAY_MS);
  t.true(certificate.raw.includes(Buffer.from('0603551d0f0101ff040403020780', 'hex')));
  t.like(certifiedNode(certificate, [new X509Certificate(authority.issuer)]), {
    name: 'gw-1',
    serial: issued.serial,
    fingerprint: issued.fingerprint,
  });
});

test('serial numbers are positive, long and never the same', async (t) => {
  const authority = await open(await folder(t));
  const key = spki();
  const issues = Array.from({ length: 20 }, () => authority.issueNode('gw-1', key));
  const serials = (await Promise.all(issues)).map(({ serial }) => serial);
  t.is(new Set(serials).size, 20);
  for (const serial of serials) t.regex(serial, /^[4-7][0-9A-F]{31}$/);
});

test('names to listen on become names to be called by; any-address is none', (t) => {
  t.deepEqual(hubNames('0.0.0.0', 'HUB', ['::', 'hub']), ['localhost', '127.0.0.1', '::1', 'hub']);
});
