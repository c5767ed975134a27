import test from 'ava';
import { hubFor, raw, until, UPGRADE } from './test-hub.js';

/** By which proxies, and those who pretend to be one, say who is behind them. */
const IDENTITIES = [
  'X-Forwarded-Client-Cert: Subject="CN=gw-1"',
  'X-SSL-Client-Cert: -----BEGIN%20CERTIFICATE-----',
  'X-SSL-Client-S-DN: CN=gw-1',
  'X-Client-Verify: SUCCESS',
  'X-Remote-User: gw-1',
  'Forwarded: for=127.0.0.1;by=proxy',
  'node_id: gw-1',
  'Authorization: Bearer gw-1',
] as const;

const upgradeWith = (lines: readonly string[]): string =>
  UPGRADE.replace('\r\n\r\n', `\r\n${lines.join('\r\n')}\r\n\r\n`);

test('GM-TLS: a header never says who somebody is, without a certificate or beside another’s', async (t) => {
  const hub = await hubFor(t);
  const nobody = await raw(t, hub.port);
  nobody.socket.write(upgradeWith(IDENTITIES));
  await until(nobody.isClosed);
  t.regex(nobody.heard(), /^HTTP\/1\.1 401 /);
  t.is(hub.accepted.length, 0);
  const other = await raw(t, hub.port, hub.authority.node('gw-2'));
  other.socket.write(upgradeWith(IDENTITIES));
  await until(() => hub.accepted.length === 1);
  t.is(hub.accepted[0]?.peer.name, 'gw-2');
});

test('H51: a web page’s upgrade from another origin, without a gateway’s certificate, is refused', async (t) => {
  const hub = await hubFor(t);
  const page = await raw(t, hub.port);
  page.socket.write(upgradeWith(['Origin: https://evil.example', 'Cookie: session=1']));
  await until(page.isClosed);
  t.regex(page.heard(), /^HTTP\/1\.1 401 /);
});

test('H51: compression is never agreed, so nothing can unpack to more than was sent', async (t) => {
  const hub = await hubFor(t);
  const client = await raw(t, hub.port, hub.authority.node('gw-1'));
  client.socket.write(upgradeWith(['Sec-WebSocket-Extensions: permessage-deflate']));
  await until(() => client.heard().includes('\r\n\r\n'));
  t.regex(client.heard(), /^HTTP\/1\.1 101 /);
  t.notRegex(client.heard(), /Extensions/i);
});
