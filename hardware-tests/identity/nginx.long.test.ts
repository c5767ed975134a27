import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { fingerprintOf, TestAuthority } from '#tunnel/test-authority.js';
import { PROXY_HEADER } from '#tunnel/trusted-proxy.js';
import { raw, until, UPGRADE } from '#tunnel/websocket/test-hub.js';
import { ROOT } from '../e2e/documented-site.js';
import { freePort } from '../link.js';
import { eventually } from '../site.js';
import { gateway, startHub, type HubSite } from './site.js';

const own = new TestAuthority('proxies').issue({ names: ['proxy.example'] });

/** The configuration of docs/hardening.md, with the folders and ports of this test. */
async function startNginx(t: ExecutionContext, hub: HubSite): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'identity-nginx-'));
  const pki = (name: string): Promise<string> => readFile(join(hub.data, 'pki', name), 'utf8');
  const { port } = new URL(`tls://${hub.listen}`);
  const [page, key] = [
    await readFile(join(ROOT, 'docs/hardening.md'), 'utf8'),
    await pki('hub.key'),
  ];
  const files = {
    'hub.key': key,
    'hub-chain.crt': chainOf(port),
    'root.crt': await pki('ca.crt'),
    'proxy.crt': own.certificate,
    'proxy.key': own.key,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const listen = await freePort();
  const block = /^```nginx proxy\n(.*?)^```$/ms.exec(page)?.[1] ?? '';
  const text = block
    .replaceAll('/etc/edgetwin-proxy', folder)
    .replace('203.0.113.5:7443', `127.0.0.1:${listen}`)
    .replace('127.0.0.1:7443', hub.listen);
  const head = `daemon off; pid ${folder}/pid; error_log stderr warn;\n`;
  await writeFile(
    join(folder, 'nginx.conf'),
    head + text.replace('http {', `http {\n${temps(folder)}`),
  );
  const nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  t.teardown(async () => {
    if (nginx.exitCode === null) {
      nginx.kill('SIGTERM');
      await once(nginx, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });
  return listen;
}

/** Folders that a user who is not root may write to. */
function temps(folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return ['access_log off;', ...kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`)].join(
    '\n',
  );
}

/** What the page's reader does: everything that the hub shows. */
function chainOf(port: string): string {
  const { stdout } = spawnSync(
    'openssl',
    ['s_client', '-connect', `127.0.0.1:${port}`, '-showcerts'],
    {
      input: '',
      encoding: 'utf8',
    },
  );
  const found = stdout.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return `${found.join('\n')}\n`;
}

test.serial(
  'GM-TLS: a gateway behind nginx as documented; a stranger’s header is in the audit',
  async (t) => {
    if (spawnSync('nginx', ['-v']).status !== 0) {
      t.log('skipped: needs nginx');
      t.pass();
      return;
    }
    const hub = await startHub(t, '--trusted-proxy', fingerprintOf(own.certificate));
    const listen = await startNginx(t, hub);
    const node = 'pi-1';
    const one = await gateway(t, { node, hub: `wss://127.0.0.1:${listen}` });
    const { code, err } = await one.join(await hub.token(node));
    t.is(code, 0, err);
    await one.run();
    await eventually('connected', one.status, (status) => status.hub.connected);
    const stranger = await raw(t, Number(new URL(`tls://${hub.listen}`).port));
    stranger.socket.write(UPGRADE.replace('\r\n\r\n', `\r\n${PROXY_HEADER}: x\r\n\r\n`));
    await until(stranger.isClosed);
    t.regex(stranger.heard(), /^HTTP\/1\.1 403 /);
    const audit = await hub.verb('audit', '--json');
    t.regex(audit, /node\.refuse[^\n]*the identity header[^\n]*no trusted proxy/);
    const said = await hub.verb('revoke', node);
    t.is(said, `revoked 1 certificate and 0 tokens of ${node}; 1 session cut`);
    await eventually(
      'refused',
      one.status,
      ({ hub: { lastError } }) => lastError?.code === 'EDGE_UNAUTHENTICATED',
      120_000,
    );
  },
);
