import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { FakeTwins, fakeProperty } from '../eventbus/fake-twins.js';
import { MetaServer } from '../metaserver/meta-server.js';
import { prometheusText } from '../metaserver/prometheus.js';
import type { GatewayStatus } from '../metaserver/status.js';
import { statusText } from './status-text.js';
import { run } from './test-line.js';

const STATUS: GatewayStatus = {
  node: 'pi-1',
  software: 'edgetwin 0.0.0',
  uptimeMs: 90_000,
  hub: {
    connected: false,
    epoch: 3,
    since: Date.UTC(2026, 0, 1),
    transport: 'websocket',
    url: 'wss://hub:7443',
    unsent: 12,
    inFlight: 0,
    reconnects: 4,
    lastError: { code: 'EDGE_CONNECTION', message: 'refused' },
  },
  store: {
    ...{ commits: 5, syncs: 6, bytesWritten: 3_145_728 },
    flash: {
      state: 'ok',
      day: { bytes: 2_500_000, blocks: 1_000, syncs: 900 },
      dayFlashBytes: 4_096_000,
      budgetBytes: 1_000_000_000,
      windowMs: 0,
    },
    damage: [],
  },
  time: { quality: 'synced', wall: 1_795_000_000_000 },
  broker: { address: '127.0.0.1:1883', clients: 2, counters: {} },
  mappers: [
    {
      protocolName: 'modbus',
      devices: [{ device: 'default/meter', state: 'offline', detail: 'no answer' }],
      counters: {},
    },
  ],
  devices: 1,
  ...{ refusedDevices: {}, alarms: [], undelivered: { total: 0, kept: [] } },
  memoryBytes: 52_428_800,
};

async function folderWith(t: { teardown: (fn: () => Promise<void>) => void }, yaml: string) {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-cli-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'gateway.yaml');
  await writeFile(config, yaml);
  return { folder, config };
}

test('the verbs reach the running gateway through its configuration, whatever its device files are', async (t) => {
  const { folder, config } = await folderWith(t, 'node: pi-1\ndevices: [missing.yaml]\n');
  const twins = new FakeTwins();
  twins.addDevice('default/meter', [fakeProperty('setpoint', { minimum: 0, maximum: 100 })]);
  const server = new MetaServer({
    twins,
    status: () => STATUS,
    listen: { host: '127.0.0.1', port: 0 },
    dataDir: join(folder, 'data'),
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
  });
  await server.start();
  t.teardown(() => server.stop());
  const shown = await run('status', '--config', config, '--json');
  t.deepEqual(JSON.parse(shown.out), STATUS);
  const set = await run('twin', 'set', '--config', config, 'meter', 'setpoint', '42');
  t.deepEqual(set, { code: 0, out: 'accepted default/meter setpoint = 42\n', err: '' });
  t.like(twins.writes, [{ device: 'default/meter', value: 42, actor: 'cli' }]);
  const words = ['twin', 'set', '--config', config, 'meter', 'setpoint'];
  const dry = await run(...words, '7', '--dry-run');
  t.deepEqual(dry, { code: 0, out: 'would set default/meter setpoint = 7\n', err: '' });
  t.is((await run(...words, '700', '--dry-run')).code, 4);
  t.is(twins.writes.length, 1);
  const late = await run(...words, '8', '--wait', '--within', '50ms');
  t.is(late.code, 1);
  t.regex(late.err, /^error EDGE_TIMEOUT: not in time/);
  const unheard = twins.subscribe(({ kind }) => {
    if (kind !== 'desired') return;
    unheard();
    const readings = [{ property: 'setpoint', value: 9, quality: 'good', timestamp: 1 }] as const;
    const applied = { appliedVersion: { gen: 0, n: 0 } };
    void twins.report({
      device: 'default/meter',
      readings: readings.map((one) => ({ ...one, ...applied })),
    });
  });
  const held = await run(...words, '9', '--wait');
  t.deepEqual(held, { code: 0, out: 'default/meter setpoint is 9\n', err: '' });
  const got = await run('twin', 'get', '--config', config, 'default/meter');
  t.regex(got.out, /^default\/meter {2}m over virtual\nPROPERTY [^\n]*\nsetpoint /);
  t.is((await run('twin', 'get', '--config', config, 'default/none')).code, 4);
});

test('status puts the link, the store and what is wrong into a few lines', (t) => {
  const text = statusText(STATUS);
  t.regex(
    text,
    /hub +wss:\/\/hub:7443 not connected since 2026-01-01T.*EDGE_CONNECTION: refused.*12 unsent/,
  );
  t.regex(text, /default\/meter +modbus +offline +no answer/);
  t.false(text.includes('ALARM'));
  t.regex(text, /flash +4 MB in 900 syncs in 24 hours, 0 % of the budget of 1000 MB\n/);
  const { flash } = STATUS.store;
  const exceeded = { ...flash, state: 'exceeded', dayFlashBytes: 1.2e9, windowMs: 1_000 } as const;
  t.regex(
    statusText({ ...STATUS, store: { ...STATUS.store, flash: exceeded } }),
    /120 % of the budget of 1000 MB; EXCEEDED: .*history is not kept/,
  );
  const alarm = { code: 'EDGE_STORAGE', detail: 'disk full' } as const;
  t.regex(statusText({ ...STATUS, alarms: [alarm] }), /ALARM +EDGE_STORAGE: disk full\n/);
  const warning = { code: 'EDGE_STORAGE', message: 'no space for a snapshot' };
  t.regex(
    statusText({ ...STATUS, store: { ...STATUS.store, warning } }),
    /WARNING +EDGE_STORAGE: no space for a snapshot/,
  );
});

test('status and metrics tell the transport, what it threw away, and how often it moved', (t) => {
  const link = { rttMs: 90, moves: 2, dropped: { forged: 3, replayed: 0, full: 1 } };
  const hub = { ...STATUS.hub, connected: true, transport: 'coded', link };
  const forward = { allowed: 1, open: 0, opened: 4, refused: 0, dropped: 5 };
  const text = statusText({ ...STATUS, hub, forward });
  t.regex(text, /over coded \(90 ms.*, 2 changes of address, thrown away forged 3 full 1\)/);
  t.regex(text, /forward +1 targets, .*, 5 datagrams dropped\n/);
  const metrics = prometheusText({ ...STATUS, hub, forward }, {}).split('\n');
  for (const line of [
    'edgetwin_hub_transport{transport="coded"} 1',
    'edgetwin_hub_link_moves 2',
    'edgetwin_hub_link_dropped_total{why="forged"} 3',
    'edgetwin_forward_events_total{event="dropped"} 5',
  ])
    t.true(metrics.includes(line), line);
  t.false(prometheusText(STATUS, {}).includes('edgetwin_hub_transport'), 'not connected');
});

test('status lists what the hub refused, and says how the alarm goes', (t) => {
  const [first, last] = [Date.UTC(2026, 10, 1), Date.UTC(2026, 10, 2)];
  const refused = {
    what: 'value',
    device: 'a/b',
    property: 'p',
    code: 'EDGE_NO_PROPERTY',
  } as const;
  const raised = { count: 7, first, last, detail: 'x' };
  const text = statusText({
    ...STATUS,
    alarms: [{ code: 'EDGE_UNDELIVERED', detail: 'value of a/b p', raised }],
    undelivered: { total: 7, kept: [{ ...refused, count: 6, first, last }] },
  });
  t.regex(text, /ALARM +EDGE_UNDELIVERED: .* \(7 since 2026-11-01T.*edgetwin alarm clear EDGE_UND/);
  t.regex(text, /UNDELIVERED \(7\) .*\nvalue +a\/b +p +EDGE_NO_PROPERTY +6 +2026-11-02T/);
});

test('alarm clear reaches the running gateway, and with --dry-run changes nothing', async (t) => {
  const { folder, config } = await folderWith(t, 'node: pi-1\n');
  const asked: unknown[] = [];
  const server = new MetaServer({
    ...{ twins: new FakeTwins(), status: () => STATUS, dataDir: join(folder, 'data') },
    ...{ listen: { host: '127.0.0.1', port: 0 }, log: silentLog },
    ...{ clock: systemClock, random: systemRandom },
    alarms: {
      clear: async (code, { isDryRun }) => {
        asked.push([code, isDryRun]);
        if (code === 'EDGE_STORAGE') throw new EdgeError('EDGE_CONFLICT', 'it stands');
        await Promise.resolve();
      },
    },
  });
  await server.start();
  t.teardown(() => server.stop());
  const words = ['alarm', 'clear', '--config', config];
  const dry = await run(...words, 'EDGE_UNDELIVERED', '--dry-run');
  t.deepEqual(dry, { code: 0, out: 'would clear EDGE_UNDELIVERED\n', err: '' });
  const done = await run(...words, 'EDGE_UNDELIVERED', '--json');
  t.deepEqual(JSON.parse(done.out), { cleared: 'EDGE_UNDELIVERED' });
  t.is((await run(...words, 'EDGE_STORAGE')).code, 4);
  t.deepEqual(asked, [
    ['EDGE_UNDELIVERED', true],
    ['EDGE_UNDELIVERED', false],
    ['EDGE_STORAGE', false],
  ]);
});

test('without a running gateway the exit code is 3', async (t) => {
  const { config } = await folderWith(t, 'node: pi-1\n');
  const { code, err } = await run('status', '--config', config);
  t.is(code, 3);
  t.regex(err, /^error EDGE_NOT_RUNNING: .*\nhint: /);
});

test('a wrong configuration is exit code 2 with file, line, column and a suggestion', async (t) => {
  const { config } = await folderWith(t, 'node: pi-1\ndataDri: x\n');
  const { code, err } = await run('status', '--config', config);
  t.is(code, 2);
  t.true(err.includes(`${config}:2:1  dataDri`), err);
  t.regex(err, /did you mean dataDir\?/);
  t.is((await run('status', '--config', `${config}.none`)).code, 2);
});

test('a token that is none is refused before anything is written', async (t) => {
  const { config } = await folderWith(t, 'node: pi-1\n');
  const { code, err } = await run('join', '--config', config, '--token', 'nonsense');
  t.true(code === 2 || code === 4, err);
  t.regex(err, /^error EDGE_/);
});
