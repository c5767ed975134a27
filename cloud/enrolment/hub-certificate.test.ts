import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { systemRandom } from '#protocol/random.js';
import { TestAuthority } from '#tunnel/test-authority.js';
import { certifiedHub } from '#tunnel/transport.js';
import { Authority } from './authority.js';
import { HubCertificate } from './hub-certificate.js';
import { PkiWatch } from './pki-watch.js';

const NAMES = ['hub.example', '127.0.0.1'];
const publicAuthority = new TestAuthority('public authority');

async function supplied(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'supplied-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const shared = { clock: systemClock, random: systemRandom, log: silentLog };
  const authority = await Authority.open({ folder, ...shared });
  const files = { key: join(folder, 'public.key'), certificate: join(folder, 'public.crt') };
  const certificate = new HubCertificate({
    ...{ authority, folder, names: NAMES, supplied: files, ...shared },
  });
  /** As a program that renews certificates would: one file after the other. */
  const renew = async (type: 'ec' | 'rsa') => {
    const { privateKey, publicKey } =
      type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
    const shown = { names: ['hub.example'], usage: 'server' } as const;
    const chain = publicAuthority.certify(publicKey, 'hub', shown) + publicAuthority.certificate;
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' });
    return {
      key: () => writeFile(files.key, key),
      chain: () => writeFile(files.certificate, chain),
    };
  };
  return { authority, certificate, renew };
}

/** What a client gets to see of a server that shows this. */
async function shownBy(
  t: ExecutionContext,
  identity: { readonly key: string; readonly certificate: string },
): Promise<X509Certificate> {
  const server = createServer({ key: identity.key, cert: identity.certificate });
  t.teardown(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  return certificate ?? t.fail();
}

for (const type of ['ec', 'rsa'] as const)
  test(`a supplied certificate of an ${type} key is shown, and gateways trust it by the voucher`, async (t) => {
    const { authority, certificate, renew } = await supplied(t);
    const files = await renew(type);
    await files.key();
    await files.chain();
    const shown = await shownBy(t, await certificate.current());
    t.true(shown.verify(publicAuthority.publicKey), 'the supplied one comes first');
    const roots = [new X509Certificate(authority.certificate)];
    const now = systemClock.wallTime();
    for (const name of NAMES) t.is(certifiedHub(shown, roots, name, now).name, name);
    t.throws(() => certifiedHub(shown, roots, 'other.example', now), { message: /not for/ });
    t.deepEqual(await certificate.current(), await certificate.current());
  });

test('a voucher for one key is no voucher for another, nor is the public authority one', async (t) => {
  const { authority, certificate, renew } = await supplied(t);
  const files = await renew('ec');
  await files.key();
  await files.chain();
  const genuine = (await certificate.current()).certificate;
  const roots = [new X509Certificate(authority.certificate)];
  // Somebody else, whom the public authority certified for the same name, shows the same vouchers.
  const evil = publicAuthority.issue({ names: ['hub.example'], usage: 'server' });
  const shown = await shownBy(t, { key: evil.key, certificate: evil.certificate + genuine });
  const judge = () => certifiedHub(shown, roots, 'hub.example', systemClock.wallTime());
  t.throws(judge, { message: /not issued by the authority of this hub/ });
});

test('a renewed file is shown without a restart, and not before its key is there', async (t) => {
  const { authority, certificate, renew } = await supplied(t);
  const first = await renew('ec');
  await first.key();
  await first.chain();
  const events: string[] = [];
  const log = { ...silentLog, error: (event: string) => void events.push(event) };
  const shown: string[] = [];
  const watch = new PkiWatch(
    { authority, certificate, clock: new ManualClock(), log },
    await certificate.current(),
    ({ certificate: pem }) => void shown.push(pem),
  );
  await watch.look();
  t.deepEqual([shown.length, events.length], [0, 0]);
  const second = await renew('rsa');
  await second.chain();
  await watch.look();
  await watch.look();
  t.deepEqual([shown.length, events], [0, ['hub-certificate-unusable']]);
  await second.key();
  await watch.look();
  await watch.look();
  t.is(shown.length, 1);
  t.is(shown[0], (await certificate.current()).certificate);
});
