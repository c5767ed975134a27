import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import { renewIdentity } from '#runtime/edgehub/renew.js';
import { eventually } from '../site.js';
import { gateway, startHub } from './site.js';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const PIN = '1234';
const TOOLS = ['softhsm2-util', 'pkcs11-tool', 'openssl'];

/** What is missing of softhsm2, opensc and OpenSSL's engine for PKCS#11. */
function missing(): string | undefined {
  const tool = TOOLS.find((name) => spawnSync('which', [name]).status !== 0);
  if (tool !== undefined) return tool;
  const { stdout } = spawnSync('openssl', ['engine', 'pkcs11'], { encoding: 'utf8' });
  return stdout.includes('(pkcs11)') ? undefined : 'libengine-pkcs11-openssl';
}

/** A token in software with one key on P-256, as its owner would make it. */
async function softToken(t: ExecutionContext, node: string) {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-token-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'tokens'));
  const conf = join(folder, 'softhsm2.conf');
  await writeFile(conf, `directories.tokendir = ${folder}/tokens\nobjectstore.backend = file\n`);
  const pin = join(folder, 'pin');
  await writeFile(pin, PIN, { mode: 0o600 });
  process.env['SOFTHSM2_CONF'] = conf;
  process.env['PKCS11_MODULE_PATH'] = MODULE;
  const run = (program: string, ...args: string[]): void => {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    t.is(status, 0, `${program} ${args.join(' ')}\n${stderr}`);
  };
  const label = ['--label', 'gateway'];
  run('softhsm2-util', '--init-token', '--free', ...label, '--pin', PIN, '--so-pin', '5678');
  const login = ['--module', MODULE, '--token-label', 'gateway', '--login', '--pin', PIN];
  const made = ['--keypairgen', '--key-type', 'EC:prime256v1', '--id', '01'];
  run('pkcs11-tool', ...login, ...made, '--label', 'node');
  run('pkcs11-tool', ...login, ...made.with(-1, '02'), '--label', 'other');
  const uriOf = (object: string): string =>
    `pkcs11:token=gateway;object=${object};type=private;pin-source=file:${pin}`;
  const requestOf = (object: string): string => {
    const file = join(folder, `${object}.csr`);
    const key = ['-engine', 'pkcs11', '-keyform', 'engine', '-key', uriOf(object)];
    run('openssl', 'req', '-new', ...key, '-subj', `/CN=${node}`, '-out', file);
    return file;
  };
  return { folder, pin, uriOf, requestOf };
}

test('a gateway whose key never left its token joins, connects over both transports and renews', async (t) => {
  const lacking = missing();
  if (lacking !== undefined) {
    t.log(`skipped: needs ${lacking}`);
    t.pass();
    return;
  }
  const token = await softToken(t, 'gw-1');
  const hub = await startHub(t);
  const site = await gateway(t, { node: 'gw-1' });
  const joinToken = (await hub.token('gw-1')).trim();
  const key = ['--key', token.uriOf('node')];
  const wrong = await site.join(
    joinToken,
    '--key',
    token.uriOf('other'),
    '--request',
    token.requestOf('node'),
  );
  t.regex(wrong.err, /The key in the token cannot be used/, 'the request is of another key');

  const again = (await hub.token('gw-1')).trim();
  const joined = await site.join(again, ...key, '--request', token.requestOf('node'));
  t.is(joined.code, 0, joined.err);
  const data = join(dirname(site.config), 'data');
  const kept = await readFile(join(data, 'node.key'), 'utf8');
  t.true(kept.startsWith(token.uriOf('node')));
  t.false(kept.includes('PRIVATE') || kept.includes(PIN));

  for (const transport of ['websocket', 'coded']) {
    const document = JSON.parse(await readFile(site.config, 'utf8')) as object;
    await writeFile(site.config, JSON.stringify({ ...document, transport }));
    const program = await site.run();
    const { hub: link } = await eventually(transport, site.status, ({ hub }) => hub.connected);
    t.is(link.transport, transport);
    t.is(await program.stop(), 0);
  }

  const before = await readFile(join(data, 'node.crt'), 'utf8');
  const next = await renewIdentity({ dataDir: data, force: true, clock: systemClock });
  t.not(next?.identity.certificate, before);
  t.is(await readFile(join(data, 'node.key'), 'utf8'), kept, 'the key stays where it is');

  await writeFile(token.pin, '9999');
  const locked = await site.run();
  const { hub: link } = await eventually('shut', site.status, ({ hub }) => 'lastError' in hub);
  t.is(link.lastError?.code, 'EDGE_CERTIFICATE');
  t.is(await locked.stop(), 0);
});
