import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { websocketTransport } from '#tunnel/websocket/client.js';
import { listenWebsocket, type WebsocketListener } from '#tunnel/websocket/listener.js';
import { join, loadIdentity } from '#runtime/edgehub/join.js';
import { renewIdentity } from '#runtime/edgehub/renew.js';
import { Authority } from '#cloud/enrolment/authority.js';
import { Enrolment } from '#cloud/enrolment/enrolment.js';
import { HubCertificate, hubNames } from '#cloud/enrolment/hub-certificate.js';
import { joinHandler } from '#cloud/enrolment/join-handler.js';
import type { EnrolmentTables } from '#cloud/enrolment/tables.js';

interface Hub {
  readonly listener: WebsocketListener;
  readonly enrolment: Enrolment;
  readonly heard: string[];
}

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(joinPath(tmpdir(), 'join-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

/** The hub's door as the program composes it: authority, enrolment, listener. */
async function hubFor(t: ExecutionContext): Promise<Hub> {
  const shared = { clock: systemClock, random: systemRandom, log: silentLog };
  const pki = await folder(t);
  const authority = await Authority.open({ folder: pki, ...shared });
  const names = hubNames('127.0.0.1', 'hub');
  const certificate = new HubCertificate({ authority, folder: pki, names, ...shared });
  const store = await openStore<EnrolmentTables>(new MemoryStorage(), shared);
  let hubUrl = '';
  const enrolment = new Enrolment({ store, authority, hubUrl: () => hubUrl, ...shared });
  const listener = await listenWebsocket({
    listen: { host: '127.0.0.1', port: 0 },
    identity: await certificate.current(),
    clientAuthorities: authority.clientAuthorities,
    admit: (peer) => enrolment.isNodeAllowed(peer),
    onRequest: joinHandler(enrolment, systemClock),
    ...shared,
  });
  t.teardown(() => listener.close());
  hubUrl = `wss://${listener.address}`;
  const heard: string[] = [];
  listener.onConnection((connection) =>
    connection.onMessage((message) => {
      heard.push(`${connection.peer.name}: ${Buffer.from(message).toString()}`);
      connection.send(message, 'control');
    }),
  );
  return { listener, enrolment, heard };
}

const transport = websocketTransport({ clock: systemClock, random: systemRandom, log: silentLog });

test('a gateway joins with a token, speaks through the tunnel, and is cut off when revoked', async (t) => {
  const { enrolment, heard, listener } = await hubFor(t);
  const dataDir = await folder(t);
  const { token } = await enrolment.createToken({ node: 'gw-1' });
  await join({ token, dataDir, node: 'gw-1' });
  const { identity, hub } = (await loadIdentity(dataDir))!;
  const connection = await transport.connect({ url: hub, identity });
  const answered = new Promise<string>((resolve) =>
    connection.onMessage((message) => resolve(Buffer.from(message).toString())),
  );
  const closed = new Promise<string>((resolve) => connection.onClose(({ code }) => resolve(code)));
  connection.send(Buffer.from('hello'), 'control');
  t.is(await answered, 'hello');
  t.deepEqual(heard, ['gw-1: hello']);
  await enrolment.revokeNode('gw-1');
  listener.closePeers((peer) => !enrolment.isNodeAllowed(peer), 'unauthorized', 'revoked');
  t.is(await closed, 'unauthorized');
  await t.throwsAsync(transport.connect({ url: hub, identity }), { code: 'EDGE_UNAUTHENTICATED' });
});

test('a token is good once: a second gateway with a copy of it is refused', async (t) => {
  const { enrolment } = await hubFor(t);
  const { token } = await enrolment.createToken({ node: 'gw-1' });
  await join({ token, dataDir: await folder(t), node: 'gw-1' });
  const thief = await folder(t);
  await t.throwsAsync(join({ token, dataDir: thief, node: 'gw-1' }), {
    code: 'EDGE_TOKEN',
    message: /used/,
  });
  t.is(await loadIdentity(thief), undefined);
});

test('joining again by force retires the certificate that the gateway had', async (t) => {
  const { enrolment } = await hubFor(t);
  const dataDir = await folder(t);
  const first = await enrolment.createToken({ node: 'gw-1' });
  await join({ token: first.token, dataDir, node: 'gw-1' });
  const before = (await loadIdentity(dataDir))!;
  const second = await enrolment.createToken({ node: 'gw-1' });
  await join({ token: second.token, dataDir, node: 'gw-1', force: true });
  const after = (await loadIdentity(dataDir))!;
  const refused = transport.connect({ url: before.hub, identity: before.identity });
  await t.throwsAsync(refused, { code: 'EDGE_UNAUTHENTICATED' });
  const connection = await transport.connect({ url: after.hub, identity: after.identity });
  t.is(connection.peer.name, '127.0.0.1');
});

test('a gateway renews with its old key, and goes on with the new one', async (t) => {
  const { enrolment } = await hubFor(t);
  const dataDir = await folder(t);
  const { token } = await enrolment.createToken({ node: 'gw-1' });
  await join({ token, dataDir, node: 'gw-1' });
  t.is(await renewIdentity({ dataDir }), undefined);
  const renewed = (await renewIdentity({ dataDir, force: true }))!;
  const connection = await transport.connect({ url: renewed.hub, identity: renewed.identity });
  t.is(connection.peer.name, '127.0.0.1');
  t.is(enrolment.certificates({ node: 'gw-1' }).length, 2);
  await enrolment.revokeNode('gw-1');
  await t.throwsAsync(renewIdentity({ dataDir, force: true }), { code: 'EDGE_FORBIDDEN' });
});
