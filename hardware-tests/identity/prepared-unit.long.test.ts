import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { unitPath } from '../e2e/units.js';
import { EDGETWIN, Program } from '../programs.js';
import { eventually } from '../site.js';
import { hasTools } from '../tools.js';
import { startHub } from './site.js';

const BOOT = '/boot/firmware';
const STATE = '/var/lib/edgetwin';

/** The commands of a unit, in other folders and as this user. */
async function commandsOf(unit: string, folder: string): Promise<string[][]> {
  const text = await readFile(unitPath(unit), 'utf8');
  const { username, gid } = userInfo();
  return [...text.matchAll(/^ExecStart=(.+)$/gm)].map(([, line = '']) =>
    line
      .replaceAll(BOOT, join(folder, 'boot'))
      .replaceAll(STATE, join(folder, 'state'))
      .replace('-o edgetwin -g edgetwin', `-o ${username} -g ${gid}`)
      .split(' '),
  );
}

test('a card with a prepared file becomes a node by the units alone, and holds no secret afterwards', async (t) => {
  if (!hasTools(t, 'install', 'shred')) return;
  const hub = await startHub(t);
  const folder = await mkdtemp(join(tmpdir(), 'prepared-unit-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'boot'));
  const config = join(folder, 'to-prepare.yaml');
  const document = {
    node: 'gw-1',
    broker: { listen: '127.0.0.1:0' },
    api: { listen: '127.0.0.1:0' },
  };
  await writeFile(config, JSON.stringify(document));
  const card = join(folder, 'boot/edgetwin.json');
  await hub.verb('prepare', 'gw-1', '--out', card, '--config', config);
  const secret = /edgetwin1\.[\w-]+/.exec(await readFile(card, 'utf8'))?.[0] ?? 'none';

  for (const [program = '', ...args] of await commandsOf('edgetwin-prepared.service', folder)) {
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    t.is(status, 0, `${program} ${args.join(' ')}: ${stderr}`);
  }
  t.false(existsSync(card));

  const [[, ...run] = []] = await commandsOf('edgetwin-prepared.conf', folder);
  for (const time of ['first', 'second']) {
    const gateway = await Program.start('gw-1', EDGETWIN, [...run, '--json']);
    await eventually(
      `it is connected the ${time} time`,
      async () => (await fetch(`${gateway.address('api')}/api/v1/status`)).json(),
      (status) => (status as { hub: { connected: boolean } }).hub.connected,
    );
    t.is(await gateway.stop(), 0);
  }
  const left = await readFile(join(folder, 'state/prepared.json'), 'utf8');
  t.true(secret.length > 100 && !left.includes(secret));
  t.like(JSON.parse(left), { node: 'gw-1' });
});
