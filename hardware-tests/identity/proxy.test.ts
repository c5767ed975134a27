import test from 'ava';
import { decodeJoinToken, encodeJoinToken } from '#protocol/join.js';
import { TestAuthority, fingerprintOf } from '#tunnel/test-authority.js';
import { PROXY_HEADER } from '#tunnel/trusted-proxy.js';
import { renewIdentity } from '#runtime/edgehub/renew.js';
import { join, loadIdentity } from '#runtime/edgehub/join.js';
import { folder, openDoor, TRANSPORTS } from './hub-door.js';
import { openProxy } from './tls-proxy.js';

const [websocket] = TRANSPORTS;

test('GM-TLS: behind a proxy that ends its TLS a gateway joins, connects, renews and is revoked', async (t) => {
  const own = new TestAuthority('proxies').issue({ names: ['proxy.example'] });
  const trusted = { fingerprint: fingerprintOf(own.certificate), header: PROXY_HEADER };
  const door = await openDoor(t, undefined, undefined, { trustedProxies: [trusted] });
  const hubPort = Number(new URL(door.url).port);
  const { url } = await openProxy(t, { shown: door.shown, own, hubPort });
  const dataDir = await folder(t);
  const { token: direct } = await door.enrolment.createToken({ node: 'gw-1' });
  const token = encodeJoinToken({ ...decodeJoinToken(direct), hub: url });
  await join({ token, dataDir, node: 'gw-1' });
  const { identity } = (await loadIdentity(dataDir))!;
  const connection = await websocket!.connect({ url, identity });
  const echoed = new Promise<string>((resolve) =>
    connection.onMessage((bytes) => resolve(Buffer.from(bytes).toString())),
  );
  const closed = new Promise<string>((resolve) => connection.onClose(({ code }) => resolve(code)));
  connection.send(Buffer.from('through the proxy'), 'control');
  t.is(await echoed, 'through the proxy');
  t.deepEqual(door.peers, ['gw-1']);
  t.truthy(await renewIdentity({ dataDir, force: true }));
  await door.enrolment.revokeNode('gw-1');
  t.is(
    door.listener.closePeers((peer) => !door.enrolment.isNodeAllowed(peer), 'unauthorized'),
    1,
  );
  t.is(await closed, 'unauthorized');
  await t.throwsAsync(websocket!.connect({ url, identity }), { code: 'EDGE_UNAUTHENTICATED' });
  const foreign = {
    ...new TestAuthority().node('gw-1'),
    authorities: identity.authorities,
  };
  await t.throwsAsync(websocket!.connect({ url, identity: foreign }), {
    code: 'EDGE_UNAUTHENTICATED',
  });
});
