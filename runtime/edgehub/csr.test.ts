import { spawnSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import 'reflect-metadata';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { certificationRequest } from './csr.js';

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

test('an X.509 library reads the request, and its signature is its own', async (t) => {
  const key = newKey();
  const request = new Pkcs10CertificateRequest(Uint8Array.from(certificationRequest(key, 'gw-1')));
  t.is(request.subject, 'CN=gw-1');
  t.deepEqual(
    Buffer.from(request.publicKey.rawData),
    createPublicKey(key).export({ format: 'der', type: 'spki' }),
  );
  t.is(request.attributes.length, 0);
  t.true(await request.verify());
});

test('any bit that changes breaks the signature or the form', async (t) => {
  const request = certificationRequest(newKey(), 'gw-1');
  for (const at of [10, 25, 60, request.length - 5]) {
    const changed = Uint8Array.from(request);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const isGood = async (): Promise<boolean> => new Pkcs10CertificateRequest(changed).verify();
    t.false(await isGood().catch(() => false), `bit at ${at}`);
  }
});

test('a name of 63 characters makes lengths of two bytes, which are read as well', async (t) => {
  const name = 'n'.repeat(63);
  const request = certificationRequest(newKey(), name);
  const parsed = new Pkcs10CertificateRequest(Uint8Array.from(request));
  t.is(parsed.subject, `CN=${name}`);
  t.true(await parsed.verify());
  t.true(request.length > 256);
});

test('openssl agrees', (t) => {
  const input = certificationRequest(newKey(), 'gw-1');
  const arguments_ = ['req', '-inform', 'DER', '-verify', '-noout', '-subject'];
  const run = spawnSync('openssl', arguments_, { input, encoding: 'utf8' });
  if (run.error !== undefined) {
    t.log('skipped: needs openssl');
    t.pass();
    return;
  }
  t.is(run.status, 0, run.stderr);
  t.regex(run.stdout, /CN ?= ?gw-1/);
  t.regex(run.stdout + run.stderr, /verify OK/i);
});
