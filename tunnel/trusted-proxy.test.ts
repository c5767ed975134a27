import test from 'ava';
import { readTrustedProxy } from './trusted-proxy.js';

const HEX = 'ab'.repeat(32);
const PRINTED = Array.from({ length: 32 }, () => 'AB').join(':');

test('a proxy is named by the fingerprint as openssl prints it, and perhaps a header', (t) => {
  const usual = { fingerprint: HEX, header: 'x-ssl-client-cert' };
  t.deepEqual(readTrustedProxy(PRINTED), usual);
  t.deepEqual(readTrustedProxy(HEX), usual);
  const named = { fingerprint: HEX, header: 'client-cert' };
  t.deepEqual(readTrustedProxy(`${PRINTED}:Client-Cert`), named);
  t.deepEqual(readTrustedProxy(`${HEX}:client-cert`), named);
});

for (const text of ['', 'proxy', HEX.slice(2), `${HEX}ab`, `${HEX}:`, `${HEX}:a b`, `${HEX}:-x`])
  test(`no proxy is named by “${text.slice(0, 20)}” of ${text.length} characters`, (t) => {
    t.throws(() => readTrustedProxy(text), { code: 'EDGE_USAGE' });
  });
