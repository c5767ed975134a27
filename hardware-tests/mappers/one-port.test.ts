/** One serial port under several names: /dev/serial/by-id/... is a symbolic link to /dev/ttyUSB0. */
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Device } from '#protocol/device.js';
import { silentLog } from '#protocol/log.js';
import type { Reading } from '#protocol/mapper-port.js';
import { mapped, until } from '#mappers/compliance.js';
import { modbusModule } from '#mappers/modbus/mapper.js';
import { loadMapper } from '#mappers/registry.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { simulate } from '#mappers/tools/simulate.js';
import { at, NO_FAULTS } from '#mappers/tools/slave.js';
import { readDevices } from '#runtime/config/device-files.js';
import { judgeBy } from '#runtime/config/judge-device.js';
import { LINE, ports } from '../board/simulated-board.js';
import { onSerial } from './on-serial.js';

const library = { names: templateNames, load: loadTemplate };
const FDS = '/proc/self/fd';

/** A folder in which `by-id` leads to `tty`, and `gone` to a file that is not there. */
async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'edgetwin-port-')));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'tty'), '');
  await symlink(join(folder, 'tty'), join(folder, 'by-id'));
  await symlink(join(folder, 'nothing'), join(folder, 'gone'));
  return folder;
}

/** Two devices in the short form, as `edgetwin check` reads them. */
async function checked(
  t: ExecutionContext,
  first: readonly string[],
  second: readonly string[],
): Promise<{ readonly told: readonly string[]; readonly ports: readonly unknown[] }> {
  const folder = await folderOf(t);
  const text = [first, second]
    .map((lines, index) => [`name: d-${index + 1}`, ...lines].join('\n'))
    .join('\n---\n')
    .replaceAll('port: ', `port: ${folder}/`);
  await writeFile(join(folder, 'd.yaml'), text);
  const judge = judgeBy(loadMapper);
  const { devices, issues } = await readDevices(
    ...([folder, ['d.yaml'], undefined, judge, library, () => undefined] as const),
  );
  return {
    told: issues.map(({ key, message }) => `${key} ${message}`),
    ports: devices.map(({ protocol }) => String(protocol.configData['port']).slice(folder.length)),
  };
}

const SDM = ['template: sdm120', 'port: by-id', 'unit: 1'];

test('check finds a unit that is there twice under two names of its port, which stay as they are', async (t) => {
  const { told, ports: names } = await checked(t, SDM, [
    'template: sdm120',
    'port: tty',
    'unit: 1',
  ]);
  t.deepEqual(told, ['unit is 1, as that of default/d-1 on the same bus']);
  t.deepEqual(names, ['/by-id', '/tty']);
});

test('check finds two speeds under two names of a port', async (t) => {
  const { told } = await checked(t, SDM, ['template: xy-md02', 'port: tty', 'unit: 2']);
  t.deepEqual(told, ['port is the bus of default/d-1, which has baudRate 2400, not 9600']);
});

test('check finds two protocols under two names of a port', async (t) => {
  const { told } = await checked(t, SDM, ['template: mh-z19b', 'port: tty']);
  t.deepEqual(told, ['port is that of default/d-1, which speaks modbus']);
});

test('check adds up what is asked of a port under two names', async (t) => {
  const { told } = await checked(
    t,
    [...SDM, 'cycle: 900'],
    ['template: sdm120', 'port: tty', 'unit: 2', 'cycle: 900'],
  );
  t.is(told.length, 1);
  t.regex(told[0] ?? '', /^port is a line of whose time the cycles so far ask 1\d\d %/);
});

test('check takes ports that are not on this machine by their names', async (t) => {
  const { told, ports: names } = await checked(t, SDM, ['template: xy-md02', 'port: gone']);
  t.deepEqual(told, []);
  t.deepEqual(names, ['/by-id', '/gone']);
});

function device(unitId: number, port: string, baudRate: number = LINE.baudRate): Device {
  const configData = { transport: 'rtu', port, baudRate, unitId };
  const place = { register: 'HoldingRegister', offset: 5, dataType: 'uint16' };
  return {
    id: `default/u${unitId}`,
    model: 'm',
    protocol: { protocolName: 'modbus', configData },
    properties: [
      {
        ...({ name: 'p', type: 'int', access: 'ReadOnly', reportToCloud: true } as const),
        ...{ reportCycleMs: 30, collectCycleMs: 30 },
        visitor: { protocolName: 'modbus', configData: place },
      },
    ],
  };
}

/** Descriptors that this process has of a terminal: an open port takes several. */
function descriptors(terminal: string): number {
  return readdirSync(FDS).filter((fd) => {
    try {
      return readlinkSync(`${FDS}/${fd}`) === terminal;
    } catch {
      return false;
    }
  }).length;
}

onSerial(
  'two devices by two links of a port share one bus and one open port; a third of another speed is told why not',
  async (t, pair) => {
    const folder = await folderOf(t);
    const terminal = await realpath(pair.master);
    const links = [join(folder, 'one'), join(folder, 'two')] as const;
    for (const link of links) await symlink(terminal, link);
    const devices = [device(1, links[0]), device(2, links[1])];
    const simulation = await simulate(
      [1, 2].map((unit) => device(unit, pair.slave)),
      { serial: { port: pair.slave, ...LINE } },
      ...([NO_FAULTS, ports] as const),
    );
    simulation.holdings.get(1)?.set(at('holding', 5), 111);
    simulation.holdings.get(2)?.set(at('holding', 5), 222);
    const readings = new Map<string, Reading[]>();
    const mapper = modbusModule.create({
      ...{ ...ports, log: silentLog },
      report: async ({ device: id, readings: more }) => {
        readings.set(id, [...(readings.get(id) ?? []), ...more]);
      },
    });
    const values = (id: string): readonly unknown[] =>
      (readings.get(id) ?? []).filter(({ quality }) => quality === 'good').map((one) => one.value);
    try {
      const [first = device(1, ''), ...later] = devices;
      const other = device(3, terminal, 9600);
      await mapper.start([mapped(first)]);
      await until('the first is read', () => values('default/u1').length > 0);
      const once = descriptors(terminal);
      t.true(once > 0);
      await mapper.start([...later, other].map(mapped));
      await until(
        'both are read three times, and the third was told',
        () =>
          ['default/u1', 'default/u2'].every((id) => values(id).length >= 3) &&
          (readings.get('default/u3') ?? []).length > 0,
      );
      t.is(descriptors(terminal), once);
      t.deepEqual([...new Set(values('default/u1'))], [111]);
      t.deepEqual([...new Set(values('default/u2'))], [222]);
      t.true((readings.get('default/u3') ?? []).every(({ reason }) => reason === 'EDGE_CONFIG'));
      const { detail } = mapper.status().devices.find(({ device: id }) => id === other.id) ?? {};
      t.is(
        detail,
        `another device uses serial:${terminal} in another way: transport, speed or format differ. All that share it need the same`,
      );
    } finally {
      await mapper.stop();
      await simulation.stop();
    }
    t.is(descriptors(terminal), 0);
  },
);
