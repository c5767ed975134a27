import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { commandName } from '#protocol/command-line/command.js';
import { runCommandLine } from '#protocol/command-line/terminal.js';
import { decodePrepared } from '#protocol/prepared.js';
import { ServedFleet } from '../api/served-fleet.js';
import type { IdentityDesk } from '../enrolment/identity-desk.js';
import { EDGETWIN_HUB } from './commands.js';
import { VERBS } from './verbs.js';

const DAY_MS = 86_400_000;

class MemoryDesk implements IdentityDesk {
  readonly done: string[] = [];
  tokens = () => [{ id: '00ff', node: 'pi-2', createdAt: DAY_MS, expiresAt: 2 * DAY_MS }];
  certificates = () => [];
  roots = () => ({ pin: '00', nodes: [{ node: 'pi-1', pins: ['00'] }] });

  async withdrawToken(id: string, actor: string): Promise<void> {
    if (id !== '00ff') throw new EdgeError('EDGE_TOKEN', `there is no token ${id}`);
    this.done.push(`${actor} withdrew ${id}`);
    await Promise.resolve();
  }

  certify = async (node: string) =>
    Promise.resolve({ node, hub: 'wss://hub:1', certificate: 'c', authority: 'a' });

  async revoke(node: string, actor: string, isDryRun = false) {
    if (node !== 'pi-1') throw new EdgeError('EDGE_NO_NODE', `${node} has no certificate here`);
    if (!isDryRun) this.done.push(`${actor} revoked ${node}`);
    const sessions = isDryRun ? 0 : 1;
    return Promise.resolve({ node, certificates: 2, tokens: 1, sessions });
  }
}

async function served(t: ExecutionContext) {
  const desk = new MemoryDesk();
  const site = await ServedFleet.start({ identities: desk });
  t.teardown(() => site.stop());
  const run = async (...argv: string[]) => {
    let [out, err] = ['', ''];
    const code = await runCommandLine(
      EDGETWIN_HUB,
      () => '0.0.0',
      async (command) => Promise.resolve(VERBS[commandName(command)]!),
      [...argv, '--data', site.dataDir],
      {
        out: (text) => void (out += text),
        err: (text) => void (err += text),
        signal: new AbortController().signal,
      },
    );
    return { code, out, err };
  };
  return { run, desk, site };
}

test('a node is revoked, and a dry run only says what would end', async (t) => {
  const { run, desk } = await served(t);
  const dry = await run('revoke', 'pi-1', '--dry-run');
  t.deepEqual(dry, {
    code: 0,
    out: 'would revoke 2 certificates and 1 token of pi-1\n',
    err: '',
  });
  t.deepEqual(desk.done, []);
  const { out } = await run('revoke', 'pi-1');
  t.is(out, 'revoked 2 certificates and 1 token of pi-1; 1 session cut\n');
  t.deepEqual(JSON.parse((await run('revoke', 'pi-1', '--json')).out), {
    ...{ node: 'pi-1', certificates: 2, tokens: 1, sessions: 1 },
  });
  t.is(desk.done[0], 'operator:control revoked pi-1');
  const none = await run('revoke', 'pi-9');
  t.is(none.code, 4);
  t.regex(none.err, /EDGE_NO_NODE/);
});

test('tokens are listed without their secrets, and withdrawn', async (t) => {
  const { run, desk } = await served(t);
  t.regex((await run('token', 'list')).out, /^TOKEN +NODE.*\n00ff +pi-2 +1970-01-02\S+ +1970/);
  t.is((await run('token', 'revoke', '00ff', '--dry-run')).out, 'would revoke 00ff\n');
  t.deepEqual(desk.done, []);
  t.is((await run('token', 'revoke', '00ff')).out, 'revoked 00ff\n');
  for (const flags of [[], ['--dry-run']]) {
    const none = await run('token', 'revoke', '0000', ...flags);
    t.is(none.code, 4);
    t.regex(none.err, /EDGE_TOKEN/);
  }
});

test('only an admin sees or ends identities', async (t) => {
  const { site } = await served(t);
  const headers = { authorization: `Bearer ${await site.token('operator')}` };
  for (const [method, path] of [
    ['GET', 'tokens'],
    ['DELETE', 'tokens/00ff'],
    ['GET', 'certificates'],
    ['POST', 'nodes/pi-1/revocation'],
  ] as const)
    t.is((await fetch(`${site.url}/api/v1/${path}`, { method, headers })).status, 403);
});

test('a file for a gateway holds a token, or a key that is nowhere else', async (t) => {
  const { run, site } = await served(t);
  const [one, two] = ['one.json', 'two.json'].map((name) => join(site.dataDir, name));
  const config = join(site.dataDir, 'gateway.yaml');
  await writeFile(config, 'node: pi-1\n');
  t.regex((await run('prepare', 'pi-1', '--out', one!, '--config', config)).out, /^wrote /);
  t.deepEqual(decodePrepared(await readFile(one!)), {
    ...{ node: 'pi-1', token: 'join-pi-1', config: 'node: pi-1\n' },
  });
  t.is((await stat(one!)).mode & 0o777, 0o600);
  t.is((await run('prepare', 'pi-1', '--out', one!)).code, 4);
  t.is((await run('prepare', 'pi-1', '--out', two!, '--with-key')).code, 0);
  const { identity } = decodePrepared(await readFile(two!));
  t.like(identity, { hub: 'wss://hub:1', certificate: 'c', authority: 'a' });
  t.regex(identity?.key ?? '', /PRIVATE KEY/);
});
