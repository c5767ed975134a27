import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import test from 'ava';
import { renewIdentity } from '#runtime/edgehub/renew.js';
import { openDoor, TRANSPORTS } from './hub-door.js';

for (const transport of TRANSPORTS)
  test(`P10: a revoked node is cut, let in no more and renews nothing over ${transport.name}`, async (t) => {
    const { enrolment, listener, url, joined } = await openDoor(t);
    const [thief, other] = [await joined('gw-1'), await joined('gw-2')];
    const connections = await Promise.all(
      [thief, other].map(({ identity }) => transport.connect({ url, identity })),
    );
    const closes: string[] = [];
    for (const connection of connections) connection.onMessage(() => undefined);
    const closed = new Promise<void>((resolve) =>
      connections[0]?.onClose(({ code }) => resolve(void closes.push(`gw-1 ${code}`))),
    );
    connections[1]?.onClose(({ code }) => closes.push(`gw-2 ${code}`));
    await enrolment.revokeNode('gw-1');
    const cut = listener.closePeers((peer) => !enrolment.isNodeAllowed(peer), 'unauthorized');
    t.is(cut, 1);
    await closed;
    t.deepEqual(closes, ['gw-1 unauthorized']);
    const again = { url, identity: thief.identity };
    await t.throwsAsync(transport.connect(again), { code: 'EDGE_UNAUTHENTICATED' });
    const renewal = renewIdentity({ dataDir: thief.dataDir, force: true });
    await t.throwsAsync(renewal, { code: 'EDGE_FORBIDDEN' });
    t.true(connections[1]?.send(Buffer.from('still here'), 'control'));
    connections[1]?.close('normal');
  });

test('P10: the hub resumes no session, so nobody passes without being judged', async (t) => {
  const { url, joined } = await openDoor(t);
  const { identity } = await joined('gw-1');
  const { port } = new URL(url);
  const dial = async (session?: Buffer): Promise<{ isReused: boolean; sessions: Buffer[] }> => {
    const socket: TLSSocket = connect({
      ...{ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false },
      ...{ key: identity.key, cert: identity.certificate },
      ...(session === undefined ? {} : { session }),
    });
    const sessions: Buffer[] = [];
    socket.on('session', (one: Buffer) => sessions.push(one));
    await once(socket, 'secureConnect');
    const isReused = socket.isSessionReused();
    // What TLS 1.3 sends after the handshake is there before this answer.
    socket.end('GET / HTTP/1.1\r\nHost: hub\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    return { isReused, sessions };
  };
  const first = await dial();
  for (const session of first.sessions) t.false((await dial(session)).isReused);
  t.false(first.isReused);
});
