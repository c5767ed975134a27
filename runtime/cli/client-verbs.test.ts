import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fingerprintOf, TestAuthority } from '#tunnel/test-authority.js';
import { CLIENT_FILE } from '../eventbus/client-file.js';
import { run } from './test-line.js';

/** A gateway's folder, and its verbs for MQTT clients. */
async function gateway(t: ExecutionContext) {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-clients-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'gateway.yaml');
  await writeFile(config, 'node: pi-1\n');
  const client = (verb: string, ...argv: string[]) =>
    run('client', verb, '--config', config, ...argv);
  return { folder, config, client };
}

test('clients are added, listed and removed; a password is shown once and kept nowhere', async (t) => {
  const { folder, client } = await gateway(t);
  const file = join(folder, 'data', CLIENT_FILE);

  t.is(
    (await client('add', 'meter', '--device', 'default/meter', '--dry-run')).out,
    'would add meter\n',
  );
  t.regex((await client('list')).out, /^NAME .*\n$/);
  const added = await client('add', 'meter', '--device', 'default/meter', '--topic', 'line/#');
  t.regex(added.out, /^[\w-]{24}\n$/);
  const kept = await readFile(file, 'utf8');
  t.false(kept.includes(added.out.trim()));
  t.is((await client('add', 'meter')).code, 4);
  const listed = (await client('list', '--json')).out;
  t.false(listed.includes('hash') || listed.includes('salt'));
  t.like(JSON.parse(listed), { clients: [{ name: 'meter', devices: ['default/meter'] }] });
  for (const argv of [['Meter'], ['x', '--device', 'a/b/c'], ['x', '--topic', '$SYS/#']])
    t.is((await client('add', ...argv)).code, 2, argv.join(' '));

  const secret = join(folder, 'secret');
  await writeFile(secret, 'short\n');
  t.is((await client('add', 'boss', '--password-file', secret)).code, 2);
  await writeFile(secret, 'long enough a password\n');
  t.is((await client('add', 'boss', '--write', '--password-file', secret)).out, 'added boss\n');
  t.is((await client('remove', 'boss', '--dry-run')).out, 'would remove boss\n');
  t.is((await client('remove', 'boss')).out, 'removed boss\n');
  t.is((await client('remove', 'boss')).code, 2);
  t.regex((await client('list')).out, /\nmeter +default\/meter +no +line\/# /);
});

test('a client is added by its certificate, or by the subject that an authority gives it', async (t) => {
  const { folder, config, client } = await gateway(t);

  const { certificate } = new TestAuthority().node('pi-2');
  const file = join(folder, 'meter.crt');
  await writeFile(file, certificate);
  t.is((await client('add', 'meter', '--certificate', file)).out, 'added meter\n');
  const fingerprint = fingerprintOf(certificate);
  const colons = fingerprint.toUpperCase().match(/../g)?.join(':') ?? '';
  t.is((await client('add', 'other', '--certificate', colons)).code, 4, 'it is taken');
  t.is((await client('add', 'meter', '--force', '--certificate', colons)).code, 0);
  t.is((await client('add', 'pump', '--subject', 'Pump 7')).out, 'added pump\n');
  t.is((await client('add', 'twin', '--subject', 'Pump 7')).code, 4);
  const { clients } = JSON.parse((await client('list', '--json')).out) as { clients: object[] };
  t.like(clients, {
    0: { name: 'meter', by: `certificate ${fingerprint.slice(0, 16)}` },
    1: { name: 'pump', by: 'subject Pump 7' },
  });
  for (const argv of [
    ['--certificate', config],
    ['--certificate', join(folder, 'none')],
    ['--subject', 'a\nCN=b'],
    ['--subject', 'a', '--certificate', file],
    ['--subject', 'a', '--password-file', file],
  ])
    t.is((await client('add', 'x', ...argv)).code, 2, argv.join(' '));
});
