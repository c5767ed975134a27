import test from 'ava';
import type { Identity } from '#tunnel/transport.js';
import { join, loadIdentity } from '#runtime/edgehub/join.js';
import { folder, openDoor, TRANSPORTS } from './hub-door.js';

test('E37: a token of one node makes no other, whoever asks', async (t) => {
  const { enrolment } = await openDoor(t);
  const dataDir = await folder(t);
  const { token } = await enrolment.createToken({ node: 'gw-1' });
  await t.throwsAsync(join({ token, dataDir, node: 'gw-2' }), { code: 'EDGE_TOKEN' });
  t.is(await loadIdentity(dataDir), undefined);
  // A gateway that lies to itself about its name is certified as what the token says.
  await t.notThrowsAsync(join({ token, dataDir, node: 'gw-1' }));
  t.deepEqual(
    enrolment.certificates().map(({ node }) => node),
    ['gw-1'],
  );
});

test('E37: a certificate without its key, of another hub or of none lets nobody in', async (t) => {
  const [door, other] = [await openDoor(t), await openDoor(t)];
  const [own, second] = [await door.joined('gw-1'), await door.joined('gw-2')];
  const foreign = await other.joined('gw-1');
  const trusting = (identity: Identity): Identity => ({
    ...identity,
    authorities: own.identity.authorities,
  });
  const borrowed = { ...own.identity, certificate: second.identity.certificate };
  for (const transport of TRANSPORTS) {
    const connect = (identity: Identity) => transport.connect({ url: door.url, identity });
    await t.throwsAsync(connect(borrowed), { code: 'EDGE_CERTIFICATE' });
    await t.throwsAsync(connect(trusting(foreign.identity)), { code: 'EDGE_UNAUTHENTICATED' });
    // Who a connection is, its certificate says: nobody can ask to be another.
    const connection = await connect(second.identity);
    connection.close('normal');
  }
  t.true(door.peers.length > 0);
  t.deepEqual([...new Set(door.peers)], ['gw-2']);
  t.true(door.logged.some(({ event }) => event === 'tunnel refused'));
});
