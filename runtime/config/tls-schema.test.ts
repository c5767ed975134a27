import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { issuesOf } from '#protocol/config-issue.js';
import { loadConfig } from './load.js';

test('broker.tls names files beside gateway.yaml, and listens on loopback unless told otherwise', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'config-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'gateway.yaml');
  const load = async (...lines: string[]) => {
    const tls = ['broker:', '  tls:', ...lines.map((line) => `    ${line}`)];
    await writeFile(file, ['node: pi-1', ...tls, ''].join('\n'));
    return loadConfig(file, () => []);
  };
  const { broker } = await load('certificate: tls/b.crt', 'key: /etc/b.key', 'clientAuthority: ca');
  t.deepEqual(broker.tls, {
    listen: { host: '127.0.0.1', port: 8883 },
    files: {
      certificate: join(folder, 'tls/b.crt'),
      key: '/etc/b.key',
      clientAuthority: join(folder, 'ca'),
    },
  });
  const error = await t.throwsAsync(load('certificate: b.crt', 'listen: 8883', 'keys: b.key'));
  t.deepEqual(
    issuesOf(error)
      .map(({ key }) => key)
      .sort(),
    ['broker.tls.key', 'broker.tls.keys', 'broker.tls.listen'],
  );
});
