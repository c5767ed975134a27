import test from 'ava';
import fc from 'fast-check';
import { readTokenKey, requestOf, tlsKeyOf, tokenKeyText } from './token-key.js';

const uri = 'pkcs11:token=gw;object=node;type=private;pin-source=file:/etc/edgetwin/pin';
const request =
  '-----BEGIN CERTIFICATE REQUEST-----\nMIHR\nMHk=\n-----END CERTIFICATE REQUEST-----';

test('a key of a token is kept as its name and its request, and given to TLS by its name', (t) => {
  const text = tokenKeyText({ uri, request: `\n${request}\n\n` });
  t.deepEqual(readTokenKey(text), { uri, request });
  t.deepEqual(requestOf({ uri, request }), Buffer.from('MIHRMHk=', 'base64'));
  t.deepEqual(tlsKeyOf(text), { privateKeyEngine: 'pkcs11', privateKeyIdentifier: uri });
  t.deepEqual(tlsKeyOf('-----BEGIN PRIVATE KEY-----'), { key: '-----BEGIN PRIVATE KEY-----' });
});

test('a name brings no library, no command and no PIN with it', (t) => {
  const wrong = [
    'pkcs11:',
    'pkcs11:token=gw;module-path=/tmp/evil.so',
    'pkcs11:token=gw?module-name=evil',
    'pkcs11:token=gw;pin-value=1234',
    'pkcs11:token=gw;pin-source=|/bin/sh',
    'pkcs11:token=gw;pin-source=pin',
    'pkcs11:token=a b',
    'pkcs11:token=gw\npkcs11:token=gw',
    'file:/etc/passwd',
  ];
  for (const other of wrong)
    t.throws(() => tokenKeyText({ uri: other, request }), { code: 'EDGE_USAGE' }, other);
  for (const other of ['', 'x', request.replace('REQUEST', ''), `${request}\n${request}`])
    t.throws(() => tokenKeyText({ uri, request: other }), { code: 'EDGE_USAGE' }, other);
});

test('whatever a file holds is a key of a token or is not, at once', (t) => {
  fc.assert(
    fc.property(fc.string({ maxLength: 4_000 }), (text) => {
      t.is(readTokenKey(text), undefined);
    }),
    { numRuns: 200 },
  );
  t.is(readTokenKey(`pkcs11:${'token=a;'.repeat(100_000)}`), undefined);
});
