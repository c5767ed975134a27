import 'reflect-metadata';
import { request } from 'node:https';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { once } from 'node:events';
import * as x509 from '@peculiar/x509';
import test from 'ava';
import { silentLog } from '#protocol/log.js';
import { ServedFleet } from './served-fleet.js';
import type { TlsIdentity } from './listener.js';

async function selfSigned(): Promise<TlsIdentity> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=localhost',
    keys,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }])],
  });
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { key: x509.PemConverter.encode(key, 'PRIVATE KEY'), cert: certificate.toString('pem') };
}

test('with an identity the interface is HTTPS of TLS 1.3, and the control file leads to loopback', async (t) => {
  const tls = await selfSigned();
  const hub = await ServedFleet.start({ listen: '0.0.0.0:0', tls });
  t.teardown(() => hub.stop());
  t.regex(hub.url, /^https:\/\/0\.0\.0\.0:\d+$/);
  const { port } = new URL(hub.url);
  const options = { port, host: '127.0.0.1', servername: 'localhost', ca: tls.cert };

  const status = await new Promise((resolve, reject) => {
    const asked = request({ ...options, path: '/healthz', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject).end();
  });
  t.is(status, 200);

  const old = connect({ ...options, port: Number(port), maxVersion: 'TLSv1.2' });
  const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException];
  t.regex(String(error.code), /ALERT|VERSION|PROTOCOL/);

  const control = JSON.parse(await readFile(join(hub.dataDir, 'control.json'), 'utf8')) as {
    url: string;
    token: string;
  };
  t.regex(control.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const headers = { authorization: `Bearer ${control.token}` };
  t.is((await fetch(`${control.url}/api/v1/operators`, { headers })).status, 200);
});

test('a public address without an identity is refused before anything listens', async (t) => {
  await t.throwsAsync(ServedFleet.start({ listen: '0.0.0.0:0', log: silentLog }), {
    code: 'EDGE_CONFIG',
  });
});

test('an address in use says so', async (t) => {
  const hub = await ServedFleet.start();
  t.teardown(() => hub.stop());
  const listen = new URL(hub.url).host;
  await t.throwsAsync(ServedFleet.start({ listen }), { code: 'EDGE_CONNECTION' });
});
