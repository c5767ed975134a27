import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest from 'ava';
import type { TestFn } from 'ava';
import { runCommandLine } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { commandName } from '#protocol/command-line/command.js';
import { sampleDevice } from '../api/memory-fleet.js';
import { ServedFleet } from '../api/served-fleet.js';
import { EDGETWIN_HUB } from './commands.js';
import { VERBS } from './verbs.js';

const test = anyTest as TestFn<ServedFleet>;

test.beforeEach(async (t) => {
  t.context = await ServedFleet.start();
});

test.afterEach.always((t) => t.context.stop());

async function run(argv: readonly string[], onOut: (text: string) => void = () => undefined) {
  const stop = new AbortController();
  let [out, err] = ['', ''];
  const terminal = {
    out: (text: string) => {
      out += text;
      onOut(text);
    },
    err: (text: string) => void (err += text),
    signal: stop.signal,
  };
  const code = runCommandLine(
    EDGETWIN_HUB,
    () => '0.0.0',
    async (command) => Promise.resolve(VERBS[commandName(command)]!),
    argv,
    terminal,
  );
  return { code: await code, out, err };
}

test('alarm clear reaches the running hub, and with --dry-run changes nothing', async (t) => {
  const asked: unknown[] = [];
  const hub = await ServedFleet.start({
    care: {
      clearAlarm: async (node, code, options) => {
        await Promise.resolve();
        if (node !== 'pi-1') throw new EdgeError('EDGE_NO_NODE', `no node ${node}`);
        asked.push([node, code, options?.isDryRun]);
      },
    },
  });
  t.teardown(() => hub.stop());
  const words = ['alarm', 'clear', '--data', hub.dataDir];
  const dry = await run([...words, 'pi-1', 'EDGE_CLONE', '--dry-run']);
  t.deepEqual(dry, { code: 0, out: 'would clear EDGE_CLONE of pi-1\n', err: '' });
  const done = await run([...words, 'pi-1', 'EDGE_CLONE']);
  t.deepEqual(done, { code: 0, out: 'cleared EDGE_CLONE of pi-1\n', err: '' });
  const { out } = await run([...words, 'pi-1', 'EDGE_CLONE', '--dry-run', '--json']);
  t.deepEqual(JSON.parse(out), { node: 'pi-1', cleared: 'EDGE_CLONE', dryRun: true });
  t.deepEqual(asked, [
    ['pi-1', 'EDGE_CLONE', true],
    ['pi-1', 'EDGE_CLONE', false],
    ['pi-1', 'EDGE_CLONE', true],
  ]);
  const refused = await run([...words, 'pi-9', 'EDGE_CLONE', '--dry-run']);
  t.is(refused.code, 4);
  t.regex(refused.err, /^error EDGE_NO_NODE: no node pi-9/);
});

test('a token for a node is one line', async (t) => {
  const { dataDir } = t.context;
  const made = await run(['token', 'create', '--data', dataDir, '--node', 'pi-1', '--ttl', '90m']);
  t.deepEqual(made, { code: 0, out: 'join-pi-1\n', err: '' });
  const wrong = await run(['token', 'create', '--data', dataDir, '--node', 'x', '--ttl', 'soon']);
  t.is(wrong.code, 2);
  t.regex(wrong.err, /^error EDGE_USAGE: soon is not a time\nhint: .*24h/);
});

test('operators are made, listed and removed, and their tokens work', async (t) => {
  const { dataDir, url } = t.context;
  const data = ['--data', dataDir];
  const made = await run(['operator', 'create', ...data, '--name', 'ann', '--role', 'viewer']);
  t.regex(made.out, /^edgetwin-op-\S{43}\n$/);
  const headers = { authorization: `Bearer ${made.out.trim()}` };
  t.is((await fetch(`${url}/api/v1/nodes`, { headers })).status, 200);
  t.regex((await run(['operator', 'list', ...data])).out, /^NAME +ROLE.*\nann +viewer/);
  const again = await run(['operator', 'create', ...data, '--name', 'ann', '--role', 'viewer']);
  t.is(again.code, 4);
  t.regex(again.err, /^error EDGE_CONFLICT: /);
  const remove = ['operator', 'remove', ...data, '--name'];
  t.is((await run([...remove, 'ann', '--dry-run'])).out, 'would remove ann\n');
  t.is((await run([...remove, 'nobody', '--dry-run'])).code, 4);
  t.regex((await run(['operator', 'list', ...data])).out, /\nann +viewer/);
  t.is((await run([...remove, 'ann'])).code, 0);
  t.is((await run(['operator', 'remove', ...data, '--name', 'ann', '--json'])).code, 4);
  t.is((await run(['operator', 'create', ...data, '--name', 'x', '--role', 'root'])).code, 2);
});

test('the audit trail says who did what, as lines and as JSON lines', async (t) => {
  const data = ['--data', t.context.dataDir];
  await run(['operator', 'create', ...data, '--name', 'ann', '--role', 'viewer']);
  await run(['token', 'create', ...data, '--node', 'pi-1']);
  await run(['operator', 'remove', ...data, '--name', 'ann']);
  const { out } = await run(['audit', ...data]);
  t.regex(
    out,
    /^1 {2}\S+Z {2}operator:control {2}operator\.create {2}ann {2}after \{"role":"viewer"/,
  );
  t.regex(out, /\n2 .* token\.create {2}pi-1 .*\n3 .* operator\.remove {2}ann /);
  const lines = (await run(['audit', ...data, '--json', '--since', '1h', '--node', 'pi-1'])).out;
  t.like(JSON.parse(lines), { n: 2, actor: 'operator:control', action: 'token.create' });
  t.is((await run(['audit', ...data, '--since', '2100-01-01'])).out, '');
  t.is((await run(['audit', ...data, '--since', 'soon'])).code, 4);
});

test('nodes and devices are tables for people and documents for programs, over all pages', async (t) => {
  const { dataDir, fleet } = t.context;
  for (let index = 0; index < 150; index++) fleet.putDevice(sampleDevice(`d/${index}`, 'pi-2'));
  t.regex((await run(['nodes', '--data', dataDir])).out, /^NODE .*\npi-1 +online/);
  const { out } = await run(['devices', '--data', dataDir, '--json']);
  t.is((JSON.parse(out) as { devices: unknown[] }).devices.length, 151);
  const one = await run(['devices', '--data', dataDir, '--node', 'pi-1']);
  t.is(one.out.split('\n').length, 3);
});

test('a twin is shown, set and shown again', async (t) => {
  const { dataDir, fleet } = t.context;
  const data = ['--data', dataDir];
  fleet.report('default/meter', 'level', 12.5);
  const shown = await run(['twin', 'get', ...data, 'meter']);
  t.regex(shown.out, /^default\/meter {2}meter over modbus {2}node pi-1\nPROPERTY /);
  t.regex(shown.out, /\nlevel +12\.5 +% +good /);
  const set = await run(['twin', 'set', ...data, 'default/meter', 'setpoint', '42.5']);
  t.regex(set.out, /^accepted default\/meter setpoint = 42\.5 as version 1\.\d+\n$/);
  const one = await run(['twin', 'get', ...data, 'default/meter', 'setpoint', '--json']);
  t.like(JSON.parse(one.out), { name: 'setpoint', desired: { value: 42.5 }, state: 'pending' });
  const late = [...data, 'default/meter', 'setpoint', '1', '--if-version', '0.0'];
  const conflict = await run(['twin', 'set', ...late]);
  t.is(conflict.code, 4);
  t.regex(conflict.err, /^error EDGE_CONFLICT/);
});

test('a dry run of a command checks the call, and nothing is run', async (t) => {
  const { dataDir, fleet } = t.context;
  const pump = sampleDevice('default/pump', 'pi-1');
  const methods = [{ name: 'dose', properties: ['setpoint'] }];
  fleet.putDevice({ ...pump, description: { ...pump.description, methods } });
  const words = ['command', 'run', '--data', dataDir, 'pump'];
  const dry = await run([...words, 'dose', '{"setpoint":5}', '--dry-run']);
  t.deepEqual(dry, { code: 0, out: 'would run default/pump dose {"setpoint":5}\n', err: '' });
  t.regex((await run([...words, 'dose', '{"x":5}', '--dry-run'])).err, /EDGE_NO_PROPERTY/);
  t.is((await run([...words, 'pour', '{}', '--dry-run'])).code, 4);
  t.notRegex((await run(['command', 'list', '--data', dataDir, 'pump'])).out, /dose/);
});

test('what the hub or the type refuses ends with code 4 and names the rule', async (t) => {
  const data = ['--data', t.context.dataDir];
  for (const [argv, error] of [
    [['get', 'default/none'], /EDGE_NO_DEVICE/],
    [['get', 'default/meter', 'levle'], /EDGE_NO_PROPERTY.*\nhint: Did you mean level\?/],
    [['set', 'default/meter', 'setpoint', '101'], /EDGE_RANGE/],
    [['set', 'default/meter', 'setpoint', 'warm'], /EDGE_TYPE/],
    [['set', 'default/meter', 'level', '1'], /EDGE_READ_ONLY/],
  ] as const) {
    const { code, err, out } = await run(['twin', argv[0], ...data, ...argv.slice(1)]);
    t.is(code, 4, argv.join(' '));
    t.regex(err, error);
    t.is(out, '');
  }
});

test('errors are one JSON object with --json', async (t) => {
  const argv = ['twin', 'get', '--data', t.context.dataDir, 'default/none', '--json'];
  const { err, code } = await run(argv);
  t.is(code, 4);
  t.like(JSON.parse(err), { code: 'EDGE_NO_DEVICE' });
});

test('a watch prints lines until the hub goes, which is an error', async (t) => {
  const { dataDir, fleet, server } = t.context;
  let changed = false;
  const { code, out, err } = await run(
    ['twin', 'watch', '--data', dataDir, 'default/meter'],
    (text) => {
      if (!changed) fleet.report('default/meter', 'level', 77);
      else if (text.includes('77')) void server.stop();
      changed = true;
    },
  );
  t.regex(out, /default\/meter {2}level {2}77 % {2}good {2}in-sync\n/);
  t.is(code, 1);
  t.regex(err, /EDGE_CONNECTION/);
});

test('without a running hub the exit code is 3, whatever the folder holds', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-none-'));
  const nodes = () => run(['nodes', '--data', folder]);
  t.is((await nodes()).code, 3);
  for (const text of ['', '{}', '[]', '{"url":"http://127.0.0.1:1","token":"x","pid":1}']) {
    await writeFile(join(folder, 'control.json'), text);
    const { code, err } = await nodes();
    t.is(code, 3, text);
    t.regex(err, /^error EDGE_NOT_RUNNING: .*\nhint: /);
  }
});

test('escape sequences in names and values do not reach the terminal', async (t) => {
  const { dataDir, fleet } = t.context;
  const evil = sampleDevice('default/evil', 'pi-1');
  const description = { ...evil.description, model: 'x\u001b]0;owned\u0007' };
  fleet.putDevice({ ...evil, description });
  const { out } = await run(['twin', 'get', '--data', dataDir, 'default/evil']);
  t.false(out.includes('\u001b'));
  t.false((await run(['devices', '--data', dataDir])).out.includes('\u001b'));
});

test('every command of the table but run has a verb', (t) => {
  const names = EDGETWIN_HUB.commands.map(commandName).filter((name) => name !== 'run');
  t.deepEqual(Object.keys(VERBS).sort(), names.sort());
});
