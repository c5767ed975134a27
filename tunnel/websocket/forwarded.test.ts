import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { fingerprintOf, TestAuthority } from '../test-authority.js';
import type { ForgedIdentity, Identity, Peer } from '../transport.js';
import { hubFor, raw, until, UPGRADE, type Teardown, type TestHub } from './test-hub.js';

const HEADER = 'X-SSL-Client-Cert';
/** As nginx writes `$ssl_client_escaped_cert`. */
const escaped = (identity: Identity): string =>
  encodeURIComponent(String(new X509Certificate(identity.certificate)));
const line = (value: string, header = HEADER): string => `${header}: ${value}`;

interface Door {
  readonly hub: TestHub;
  readonly proxy: Identity;
  readonly forged: ForgedIdentity[];
  readonly holders: (Peer | undefined)[];
  /** The first line of the answer. */
  readonly upgrade: (as: Identity | undefined, lines: readonly string[]) => Promise<string>;
  readonly post: (as: Identity | undefined, lines: readonly string[]) => Promise<string>;
}

/** A hub that trusts one proxy, whose certificate is of another authority. */
async function openDoor(
  t: Teardown,
  life: { readonly fromMs?: number; readonly untilMs?: number } = {},
): Promise<Door> {
  const proxy = new TestAuthority('proxies').issue({ names: ['proxy.example'], ...life });
  const forged: ForgedIdentity[] = [];
  const holders: (Peer | undefined)[] = [];
  const hub = await hubFor(t, {
    trustedProxies: [
      { fingerprint: fingerprintOf(proxy.certificate), header: HEADER.toLowerCase() },
    ],
    onForged: (one) => forged.push(one),
    admit: ({ name }) => name !== 'gw-revoked',
    onRequest: (_request, response, holder) => {
      holders.push(holder);
      response.writeHead(204, { connection: 'close' }).end();
    },
  });
  const ask = async (as: Identity | undefined, request: string): Promise<string> => {
    const client = await raw(t, hub.port, as);
    client.socket.write(request);
    await until(() => client.isClosed() || client.heard().includes('\r\n\r\n'));
    return client.heard().split('\r\n')[0] ?? '';
  };
  const upgrade: Door['upgrade'] = (as, lines) =>
    ask(as, UPGRADE.replace('\r\n\r\n', ['', ...lines, '', ''].join('\r\n')));
  const post: Door['post'] = (as, lines) =>
    ask(as, ['POST /v1/renew HTTP/1.1', 'Host: hub', ...lines, '', ''].join('\r\n'));
  return { hub, proxy, forged, holders, upgrade, post };
}

test('GM-TLS: a trusted proxy says whose certificate it saw, and the hub judges that certificate', async (t) => {
  const { hub, proxy, forged, holders, upgrade, post } = await openDoor(t);
  const node = hub.authority.node('gw-1');
  t.regex(await upgrade(proxy, [line(escaped(node))]), / 101 /);
  const [connection] = hub.accepted;
  t.is(connection?.peer.name, 'gw-1');
  t.is(connection?.peer.fingerprint, fingerprintOf(node.certificate));
  // Revoking cuts it as any other.
  t.is(
    hub.listener.closePeers(({ name }) => name === 'gw-1', 'unauthorized'),
    1,
  );
  const der = new X509Certificate(node.certificate).raw.toString('base64');
  t.regex(await upgrade(proxy, [line(`:${der}:`, HEADER.toUpperCase())]), / 101 /);
  t.regex(await post(proxy, [line(escaped(node))]), / 204 /);
  t.is(holders.at(-1)?.name, 'gw-1');
  t.deepEqual(forged, []);
});

test('GM-TLS: beside a proxy gateways come in by themselves', async (t) => {
  const { hub, upgrade, post, holders } = await openDoor(t);
  t.regex(await upgrade(hub.authority.node('gw-2'), []), / 101 /);
  t.is(hub.accepted[0]?.peer.name, 'gw-2');
  t.regex(await post(undefined, []), / 204 /);
  t.is(holders.at(-1), undefined);
});

test('GM-TLS: the header of anybody but the proxy is refused and told', async (t) => {
  const { hub, proxy, forged, holders, upgrade, post } = await openDoor(t);
  const node = hub.authority.node('gw-1');
  const twin = new TestAuthority('proxies').issue({ names: ['proxy.example'] });
  const strangers = [undefined, hub.authority.node('gw-2'), twin, node];
  for (const stranger of strangers) {
    t.regex(await upgrade(stranger, [line(escaped(node))]), / 403 /);
    t.regex(await upgrade(stranger, [line('')]), / 403 /);
    t.regex(await post(stranger, [line(escaped(node))]), / 403 /);
  }
  t.is(forged.length, 12);
  t.is(hub.listener.stats().refused.header, 12);
  t.deepEqual([hub.accepted.length, holders.length], [0, 0]);
  t.regex(forged[0]?.error.message ?? '', /no trusted proxy/);
  // Knowing the proxy's certificate is not having its key.
  await t.throwsAsync(raw(t, hub.port, { ...proxy, key: twin.key }));
});

test('GM-TLS: a trusted proxy cannot let in who the hub would not', async (t) => {
  const { hub, proxy, forged, holders, upgrade, post } = await openDoor(t);
  const { authority } = hub;
  const names = ['urn:edgetwin:node:gw-1'];
  const usage = 'client' as const;
  const over = authority.issue({ names, usage, untilMs: Date.UTC(2020, 0, 1) });
  const refused: readonly (readonly [status: RegExp, what: readonly string[]])[] = [
    [/ 401 /, []],
    [/ 401 /, [line('')]],
    [/ 401 /, [line(escaped(new TestAuthority().node('gw-1')))]],
    [/ 401 /, [line(escaped(over))]],
    [/ 401 /, [line(escaped(authority.issue({ names, usage, fromMs: Date.UTC(2048, 0, 1) })))]],
    [/ 401 /, [line(escaped(authority.hub()))]],
    [/ 401 /, [line(encodeURIComponent(authority.certificate))]],
    [/ 401 /, [line(escaped(proxy))]],
    [/ 403 /, [line(escaped(authority.node('gw-revoked')))]],
    [/ 403 /, [line('gw-1')]],
    [/ 403 /, [line('%')]],
    [/ 403 /, [line('::')]],
    [/ 403 /, [line('CN=gw-1')]],
    [/ 403 /, [line(escaped(authority.node('gw-1'))), line(escaped(authority.node('gw-3')))]],
    [/ 403 /, [line(escaped(authority.node('gw-1'))), line('')]],
    [/ 403 /, [line('A'.repeat(7_000))]],
    [/ 431 |^$/, [line('A'.repeat(70_000))]],
    [/ 401 /, [line(escaped(authority.node('gw-1')), 'X_SSL_Client_Cert')]],
  ];
  for (const [status, lines] of refused)
    t.regex(await upgrade(proxy, lines), status, lines[0]?.slice(0, 60));
  t.is(hub.accepted.length, 0);
  t.is(hub.listener.stats().refused.header, 13);
  t.is(forged.length, 13);
  // Whose a lapsed certificate is counts for its renewal; whose a foreign one is, for nothing.
  await post(proxy, [line(escaped(over))]);
  await post(proxy, [line(escaped(new TestAuthority().node('gw-1')))]);
  t.deepEqual(
    holders.map((holder) => holder?.name),
    ['gw-1', undefined],
  );
});

test('GM-TLS: a proxy whose certificate is over is no proxy any more', async (t) => {
  const { hub, proxy, upgrade } = await openDoor(t, { untilMs: Date.UTC(2020, 0, 1) });
  t.regex(await upgrade(proxy, [line(escaped(hub.authority.node('gw-1')))]), / 403 /);
});
