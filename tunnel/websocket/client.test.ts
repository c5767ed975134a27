import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { TestAuthority } from '../test-authority.js';
import type { Identity } from '../transport.js';
import { hubFor, transport, until } from './test-hub.js';

/** A hub by its certificate, which then does what it likes. */
async function evilHub(
  t: ExecutionContext,
  identity: Identity,
  serve: (socket: TLSSocket) => void,
): Promise<string> {
  const server = createTlsServer({ key: identity.key, cert: identity.certificate }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('with the clock at 1970 the true hub is accepted, an evil one and a wrong name are not', async (t) => {
  const authority = new TestAuthority();
  const young = { usage: 'server', fromMs: Date.UTC(2026, 0) } as const;
  const clock = new ManualClock(0);
  const identity = authority.node('gw-1');
  const hub = await hubFor(t, {
    identity: authority.issue({ names: ['127.0.0.1'], ...young }),
    clientAuthorities: [authority.certificate],
  });
  const url = `wss://127.0.0.1:${hub.port}`;
  t.is((await transport(clock).connect({ url, identity })).peer.name, '127.0.0.1');
  for (const evil of [
    new TestAuthority('test authority').issue({ names: ['127.0.0.1'], ...young }),
    authority.issue({ names: ['127.0.0.2', 'localhost'], ...young }),
    authority.issue({ names: ['127.0.0.1'], fromMs: young.fromMs, usage: 'client' }),
  ]) {
    let spoke = false;
    const evilUrl = await evilHub(t, evil, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => (spoke = true));
    });
    await t.throwsAsync(transport(clock).connect({ url: evilUrl, identity }), {
      code: 'EDGE_CERTIFICATE',
    });
    t.false(spoke, 'nothing may be said to an evil hub');
  }
});

test('a lapsed hub is refused, also by a clock in 1970 that our own certificate disproves', async (t) => {
  const authority = new TestAuthority();
  const lapsed = authority.issue({
    names: ['127.0.0.1'],
    usage: 'server',
    untilMs: Date.UTC(2025, 0),
  });
  const url = await evilHub(t, lapsed, (socket) => socket.on('error', () => undefined));
  const young = authority.issue({
    names: ['urn:edgetwin:node:gw-1'],
    usage: 'client',
    fromMs: Date.UTC(2026, 0),
  });
  for (const [clock, identity] of [
    [systemClock, authority.node('gw-1')],
    [new ManualClock(0), young],
  ] as const)
    await t.throwsAsync(transport(clock).connect({ url, identity }), {
      code: 'EDGE_CERTIFICATE',
      message: /expired/,
    });
});

test('CVE-2022-31080, H51: a hub that answers the upgrade with an endless body is left at once', async (t) => {
  const authority = new TestAuthority();
  let closed = false;
  const url = await evilHub(t, authority.hub(), (socket) => {
    socket.on('error', () => undefined).on('close', () => (closed = true));
    socket.write('HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    const pour = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', pour);
    pour();
  });
  await t.throwsAsync(transport().connect({ url, identity: authority.node('gw-1') }), {
    code: 'EDGE_UNAUTHENTICATED',
  });
  await until(() => closed);
});

for (const [what, answer] of [
  ['endless headers', `HTTP/1.1 101 Ok\r\n${'X: y\r\n'.repeat(10_000)}`],
  ['no HTTP', '\x00\xff\x00garbage\r\n\r\n'],
  ['a wrong accept key', 'HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
  ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n\r\n'],
] as const)
  test(`a hub that answers the upgrade with ${what} is refused`, async (t) => {
    const authority = new TestAuthority();
    const url = await evilHub(t, authority.hub(), (socket) => {
      socket.on('error', () => undefined).write(answer);
    });
    await t.throwsAsync(transport().connect({ url, identity: authority.node('gw-1') }), {
      code: 'EDGE_CONNECTION',
    });
  });

for (const [what, serve] of [
  ['the TCP connection', undefined],
  ['the TLS handshake', (socket: TLSSocket) => socket.on('error', () => undefined)],
] as const)
  test(`a hub that is silent after ${what} is given up after 15 s`, async (t) => {
    const authority = new TestAuthority();
    const clock = new ManualClock(systemClock.wallTime());
    let url: string;
    let arrived = false;
    if (serve === undefined) {
      const server = createTcpServer((socket) => {
        arrived = true;
        t.teardown(() => socket.destroy());
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.teardown(() => server.close());
      url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}`;
    } else
      url = await evilHub(t, authority.hub(), (socket) => {
        serve(socket);
        socket.on('data', () => (arrived = true));
      });
    const dial = transport(clock).connect({ url, identity: authority.node('gw-1') });
    await until(() => arrived);
    clock.advance(14_999);
    t.deepEqual(clock.pending(), ['tunnel connect']);
    clock.advance(1);
    await t.throwsAsync(dial, { code: 'EDGE_TIMEOUT' });
    t.deepEqual(clock.pending(), []);
  });

test('nobody at the address is EDGE_CONNECTION, a damaged key EDGE_CERTIFICATE', async (t) => {
  const identity = new TestAuthority().node('gw-1');
  await t.throwsAsync(transport().connect({ url: 'wss://127.0.0.1:1', identity }), {
    code: 'EDGE_CONNECTION',
  });
  for (const damaged of [
    { ...identity, key: 'x' },
    { ...identity, certificate: '' },
    { ...identity, authorities: ['-----BEGIN CERTIFICATE-----'] },
    { ...identity, key: new TestAuthority().node('gw-1').key },
  ])
    await t.throwsAsync(transport().connect({ url: 'wss://127.0.0.1:1', identity: damaged }), {
      code: 'EDGE_CERTIFICATE',
    });
});

for (const url of [
  '',
  'hub',
  'ws://hub:1',
  'https://hub:1',
  'wss://user:secret@hub:1',
  'wss://hub:1/path',
  'wss://hub:1/?q',
  'wss://hub:99999',
])
  test(`an address like "${url}" is refused`, async (t) => {
    const identity = new TestAuthority().node('gw-1');
    await t.throwsAsync(transport().connect({ url, identity }), { code: 'EDGE_CONFIG' });
  });

test('an HTTPS server that is no hub is refused by its certificate', async (t) => {
  const authority = new TestAuthority();
  const { key, certificate } = new TestAuthority().hub();
  const server = createHttpsServer({ key, cert: certificate }, (_incoming, response) => {
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const identity = authority.node('gw-1');
  await t.throwsAsync(transport().connect({ url: `wss://127.0.0.1:${port}`, identity }), {
    code: 'EDGE_CERTIFICATE',
  });
});
