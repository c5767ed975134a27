import { connect as connectTcp } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { TestAuthority } from '../test-authority.js';
import type { Connection } from '../transport.js';
import { hubFor, raw, transport, until, UPGRADE, upgraded } from './test-hub.js';

for (const [what, make] of [
  ['no certificate', () => undefined],
  [
    'a lapsed certificate',
    (home: TestAuthority) =>
      home.issue({
        names: ['urn:edgetwin:node:gw-1'],
        usage: 'client',
        untilMs: Date.UTC(2020, 0),
      }),
  ],
  [
    'a certificate from the future',
    (home: TestAuthority) =>
      home.issue({ names: ['urn:edgetwin:node:gw-1'], usage: 'client', fromMs: Date.UTC(2048, 0) }),
  ],
] as const)
  test(`an upgrade with ${what} is answered 401 and the socket destroyed`, async (t) => {
    const hub = await hubFor(t);
    const { socket, heard, isClosed } = await raw(t, hub.port, make(hub.authority));
    socket.write(UPGRADE);
    await until(isClosed);
    t.regex(heard(), /^HTTP\/1\.1 401 /);
    t.is(hub.accepted.length, 0);
    t.is(hub.listener.stats().refused.unauthenticated, 1);
  });

test('no session can be resumed past the judgement of a certificate', async (t) => {
  const hub = await hubFor(t);
  const identity = hub.authority.node('gw-1');
  const first = await raw(t, hub.port, identity);
  const sessions: Buffer[] = [];
  first.socket.on('session', (session: Buffer) => sessions.push(session));
  first.socket.write('GET / HTTP/1.1\r\nHost: hub\r\n\r\n');
  await until(() => first.heard().includes('404'));
  const session = sessions[0] ?? first.socket.getSession();
  const second = connectTls({
    port: hub.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(session === undefined ? {} : { session }),
  });
  t.teardown(() => second.destroy());
  await new Promise<void>((resolve) => second.once('secureConnect', () => resolve()));
  t.false(second.isSessionReused());
});

test('TLS 1.2 is refused', async (t) => {
  const hub = await hubFor(t);
  const socket = connectTls({
    port: hub.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  });
  const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
  t.regex(error.message, /protocol version/i);
  await until(() => hub.listener.stats().failedHandshakes === 1);
});

test('a node that is not admitted is refused and told so', async (t) => {
  const hub = await hubFor(t, { admit: ({ name }) => name !== 'revoked' });
  const dial = (name: string): Promise<Connection> =>
    transport().connect({ url: `wss://127.0.0.1:${hub.port}`, identity: hub.authority.node(name) });
  await t.throwsAsync(dial('revoked'), { code: 'EDGE_UNAUTHENTICATED' });
  t.is((await dial('fine')).peer.name, '127.0.0.1');
  t.is(hub.listener.stats().refused.forbidden, 1);
});

test('plain requests are served to peers without a certificate, and are no tunnel', async (t) => {
  const hub = await hubFor(t, {
    onRequest: (incoming, response) => response.end(`${incoming.method} ${incoming.url}`),
  });
  const { socket, heard } = await raw(t, hub.port);
  socket.write('POST /v1/join HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n\r\n');
  await until(() => heard().includes('POST /v1/join'));
  t.is(hub.accepted.length, 0);
});

test('a request is told whose certificate was shown, lapsed ones too, and nobody else’s', async (t) => {
  const holders: (string | undefined)[] = [];
  const hub = await hubFor(t, {
    onRequest: (_incoming, response, holder) => {
      holders.push(holder?.name);
      response.end('served');
    },
  });
  const names = ['urn:edgetwin:node:gw-1'];
  const lapsed = { untilMs: Date.UTC(2020, 0) };
  for (const identity of [
    undefined,
    hub.authority.node('gw-1'),
    hub.authority.issue({ names, usage: 'client', ...lapsed }),
    hub.authority.issue({ names, usage: 'server', ...lapsed }),
    new TestAuthority('test authority').issue({ names, usage: 'client', ...lapsed }),
    new TestAuthority().node('gw-1'),
  ]) {
    const { socket, heard } = await raw(t, hub.port, identity);
    socket.write('POST /v1/renew HTTP/1.1\r\nHost: hub\r\nContent-Length: 0\r\n\r\n');
    await until(() => heard().includes('served'));
  }
  t.deepEqual(holders, [undefined, 'gw-1', 'gw-1', undefined, undefined, undefined]);
});

test('an upgrade elsewhere is answered 404', async (t) => {
  const hub = await hubFor(t);
  const { socket, heard, isClosed } = await raw(t, hub.port, hub.authority.node('gw-1'));
  socket.write(UPGRADE.replace('/v1/tunnel', '/v1/../tunnel'));
  await until(isClosed);
  t.regex(heard(), /^HTTP\/1\.1 404 /);
});

test('frames sent before the upgrade was answered are refused', async (t) => {
  const hub = await hubFor(t);
  const { socket, heard, isClosed } = await raw(t, hub.port, hub.authority.node('gw-1'));
  socket.write(Buffer.concat([Buffer.from(UPGRADE), Buffer.from('8281000000002a', 'hex')]));
  await until(isClosed);
  t.regex(heard(), /^HTTP\/1\.1 400 /);
  t.is(hub.accepted.length, 0);
});

for (const [what, frame] of [
  ['claims 2 GB', '82ff0000000080000000'],
  ['claims 2^63 bytes', '82ffffffffffffffffff'],
  ['claims one byte more than allowed', '82ff0000000000040001'],
  ['is text', '8181000000002a'],
  ['is not masked', '82012a'],
  ['has reserved bits', 'c281000000002a'],
  ['has an unknown opcode', '8381000000002a'],
  ['continues nothing', '8081000000002a'],
  ['is a fragmented ping', '0981000000002a'],
] as const)
  test(`SetReadLimit, E32, H51: a frame that ${what} ends the connection as a breach of the protocol`, async (t) => {
    const hub = await hubFor(t);
    const { socket, isClosed } = await upgraded(t, hub);
    socket.write(Buffer.from(frame, 'hex'));
    await until(() => hub.reasons.length === 1);
    t.is(hub.reasons[0]?.code, 'protocol');
    t.false(hub.reasons[0]?.remote);
    await until(isClosed);
    t.is(hub.messages.length, 0);
    t.is(hub.listener.stats().connections, 0);
  });

test('CVE-2022-31079, H51: a message in very many fragments ends the connection', async (t) => {
  const hub = await hubFor(t);
  const { socket } = await upgraded(t, hub);
  socket.write(Buffer.from('028000000000', 'hex'));
  for (let index = 0; index < 40; index++) socket.write(Buffer.from('0081000000002a', 'hex'));
  await until(() => hub.reasons.length === 1);
  t.log('closed within 40 fragments');
  t.is(hub.reasons[0]?.code, 'protocol');
});

test('C19: a peer that pings and never reads is cut, and its answers stay bounded', async (t) => {
  const hub = await hubFor(t);
  const { socket } = await upgraded(t, hub);
  socket.pause();
  const ping = Buffer.concat([
    Buffer.from('89fd00000000', 'hex').subarray(0, 2),
    Buffer.alloc(129),
  ]);
  const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
  while (hub.reasons.length === 0) {
    socket.write(pings);
    await setImmediate();
  }
  t.is(hub.reasons[0]?.code, 'slow');
});

test('a hub that is full answers 503, and its hint says so', async (t) => {
  const hub = await hubFor(t, { limits: { connections: 1 } });
  const url = `wss://127.0.0.1:${hub.port}`;
  await transport().connect({ url, identity: hub.authority.node('gw-1') });
  const error = await t.throwsAsync(
    transport().connect({ url, identity: hub.authority.node('gw-2') }),
    { code: 'EDGE_CONNECTION' },
  );
  t.regex(error.message, /503/);
  t.is(hub.listener.stats().refused.full, 1);
});

test('the oldest of too many connections of one node yields', async (t) => {
  const hub = await hubFor(t, { limits: { connectionsPerNode: 2 } });
  const identity = hub.authority.node('gw-1');
  const url = `wss://127.0.0.1:${hub.port}`;
  const reasons: [number, string][] = [];
  for (const index of [0, 1, 2]) {
    const connection = await transport().connect({ url, identity });
    connection.onMessage(() => undefined);
    connection.onClose(({ code }) => reasons.push([index, code]));
  }
  await until(() => reasons.length === 1);
  t.deepEqual(reasons, [[0, 'superseded']]);
});

test('#7231, C23: a flood of idle sockets and half-sent headers does not keep a gateway out', async (t) => {
  const hub = await hubFor(t, { limits: { pending: 50 } });
  for (let index = 0; index < 80; index++) {
    const socket = connectTcp(hub.port, '127.0.0.1');
    socket.on('error', () => undefined);
    t.teardown(() => socket.destroy());
  }
  for (let index = 0; index < 20; index++) {
    const { socket } = await raw(t, hub.port);
    socket.write('POST /v1/join HTTP/1.1\r\nHost: h');
  }
  const connection = await transport().connect({
    url: `wss://127.0.0.1:${hub.port}`,
    identity: hub.authority.node('gw-1'),
  });
  t.is(connection.peer.name, '127.0.0.1');
  const { pending, droppedPending, connections } = hub.listener.stats();
  t.true(pending <= 50);
  t.true(droppedPending >= 50);
  t.log(`${droppedPending} of 100 half-open ones dropped, the gateway is let in`);
  t.is(connections, 1);
});

test('#7231, C23: headers that never end are given up', async (t) => {
  const hub = await hubFor(t, { limits: { headersMs: 300, requestMs: 400 } });
  const { socket, heard, isClosed } = await raw(t, hub.port);
  socket.write('POST /v1/join HTTP/1.1\r\nHost: h');
  await until(isClosed);
  t.regex(heard(), /^HTTP\/1\.1 408 /);
  await until(() => hub.listener.stats().pending === 0);
});

test('C23: huge headers are refused', async (t) => {
  const hub = await hubFor(t);
  const { socket, heard, isClosed } = await raw(t, hub.port);
  socket.write(`GET / HTTP/1.1\r\nHost: hub\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  await until(isClosed);
  t.regex(heard(), /^HTTP\/1\.1 431 /);
});

test('revocation closes the peers it names within a turn, and only those', async (t) => {
  const hub = await hubFor(t);
  const url = `wss://127.0.0.1:${hub.port}`;
  const closed: string[] = [];
  for (const name of ['gw-1', 'gw-2', 'gw-3']) {
    const connection = await transport().connect({ url, identity: hub.authority.node(name) });
    connection.onMessage(() => undefined);
    connection.onClose(({ code, detail }) => closed.push(`${name} ${code} ${detail}`));
  }
  t.is(
    hub.listener.closePeers(({ name }) => name === 'gw-2', 'unauthorized', 'revoked'),
    1,
  );
  await until(() => closed.length === 1);
  t.deepEqual(closed, ['gw-2 unauthorized revoked']);
  t.is(hub.listener.stats().connections, 2);
});

test('identity and authorities change without closing anybody', async (t) => {
  const hub = await hubFor(t);
  const url = `wss://127.0.0.1:${hub.port}`;
  const old = await transport().connect({ url, identity: hub.authority.node('gw-1') });
  const next = new TestAuthority('next');
  hub.listener.setIdentity(next.hub());
  hub.listener.setAuthorities([next.certificate]);
  const joined = await transport().connect({ url, identity: next.node('gw-2') });
  t.is(joined.peer.name, '127.0.0.1');
  await t.throwsAsync(
    transport().connect({
      url,
      identity: { ...hub.authority.node('gw-3'), authorities: [next.certificate] },
    }),
    { code: 'EDGE_UNAUTHENTICATED' },
  );
  t.true(old.send(Uint8Array.of(1), 'twin'));
  await until(() => hub.messages.length === 1);
});

test('a second listener on the port is refused with EDGE_CONNECTION', async (t) => {
  const hub = await hubFor(t);
  await t.throwsAsync(hubFor(t, { listen: { host: '127.0.0.1', port: hub.port } }), {
    code: 'EDGE_CONNECTION',
  });
});
