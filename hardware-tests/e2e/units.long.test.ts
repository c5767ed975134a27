/**
 * The filters of the units beside the real programs: which system calls they make (strace) and which
 * systemd would let them make, so that a filter is seen to fail here before a gateway does.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { SerialPair, hasSocat } from '../mappers/serial-pair.js';
import { EDGETWIN, mustRun } from '../programs.js';
import { Site, eventually } from '../site.js';
import { hasTools } from '../tools.js';
import { unitPath } from './units.js';

const DEVICES = (port: string): string => `
apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata: { name: probe }
spec:
  properties:
    - { name: level, type: INT, accessMode: ReadOnly }
---
apiVersion: devices.kubeedge.io/v1beta1
kind: Device
metadata: { name: probe }
spec:
  deviceModelRef: { name: probe }
  protocol:
    protocolName: modbus
    configData: { communicateMode: RTU, serialName: ${port}, baudRate: 9600, slaveID: 1 }
  properties:
    - name: level
      collectCycle: 300
      visitors: { protocolName: modbus, configData: { register: InputRegister, offset: 7, dataType: int16 } }
`;

/** V8 asks for keys of memory pages and goes on without. */
const MAY_FAIL = ['pkey_alloc'];

/** -D: the tracer is a grandchild, so that signals reach the program. */
const traced = (file: string): string[] => ['strace', '-D', '-f', '-qq', '-c', '-o', file];

test('gateway and hub make no system call that their units refuse', async (t) => {
  if (!hasSocat || !hasTools(t, 'strace', 'systemd-analyze')) return;
  t.timeout(5 * 60_000);
  const pair = await SerialPair.open();
  const site = await Site.startHubOnly();
  const calls = (name: string): string => join(site.folder, `${name}.calls`);
  const made = new Map<string, readonly string[]>();
  try {
    await site.hub?.stop();
    await site.startHub({ under: traced(calls('hub')) });
    const gateway = await site.join('pi-1', DEVICES(pair.master));
    await gateway.start({ under: traced(calls('gateway')) });
    await eventually(
      'a reading of the silent device is at the hub',
      () => site.request('devices/default/probe'),
      ({ body }) => JSON.stringify(body).includes('"reported"'),
    );
    t.is(await gateway.program?.stop(), 0);
    t.is(await site.hub?.stop(), 0);
    await mustRun(EDGETWIN, ['factory-reset', '--config', gateway.config, '--yes']);
    t.deepEqual(readdirSync(gateway.data), [], 'a factory reset leaves nothing');
    for (const name of ['hub', 'gateway']) {
      await eventually(`the list of ${name}`, async () => existsSync(calls(name)), Boolean);
      made.set(name, callsOf(readFileSync(calls(name), 'utf8')));
    }
  } finally {
    await site.stop();
    await pair.close();
  }
  const sets = knownSets();
  for (const [name, unit] of [
    ['gateway', 'edgetwin.service'],
    ['hub', 'edgetwin-hub.service'],
  ] as const) {
    const allowed = allowedBy(readFileSync(unitPath(unit), 'utf8'), sets);
    const calls = made.get(name) ?? [];
    t.log(`${name}: ${calls.length} system calls, ${allowed.size} are allowed`);
    t.true(calls.length > 30);
    t.deepEqual(
      calls.filter((call) => !allowed.has(call) && !MAY_FAIL.includes(call)),
      [],
    );
  }
});

/** Names in the last column of `strace -c`. */
function callsOf(summary: string): string[] {
  return [...summary.matchAll(/^ *[\d.]+ .* ([a-z_0-9]+)$/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'total');
}

/** What `systemd-analyze syscall-filter` prints: each set with its members, which may be sets. */
function knownSets(): ReadonlyMap<string, readonly string[]> {
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter'], { encoding: 'utf8' });
  const sets = new Map<string, string[]>();
  let members: string[] = [];
  for (const line of stdout.split('\n')) {
    const word = line.trim();
    if (/^@\S+$/.test(line)) sets.set(word, (members = []));
    else if (/^[@a-z_0-9-]+$/.test(word)) members.push(word);
  }
  return sets;
}

/** As systemd.exec(5) says: a list allows, a list after `~` takes away again. */
function allowedBy(unit: string, sets: ReadonlyMap<string, readonly string[]>): Set<string> {
  const expand = (name: string): readonly string[] =>
    name.startsWith('@') ? (sets.get(name) ?? []).flatMap(expand) : [name];
  const allowed = new Set(expand('@default'));
  for (const [, taken = '', names = ''] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm))
    for (const call of names.split(' ').flatMap(expand)) {
      if (taken === '') allowed.add(call);
      else allowed.delete(call);
    }
  return allowed;
}
