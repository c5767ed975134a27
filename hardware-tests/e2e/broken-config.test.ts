import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { loadMapper } from '#mappers/registry.js';
import { systemClock } from '#protocol/clock.js';
import { runCommandLine } from '#protocol/command-line/terminal.js';
import { systemRandom } from '#protocol/random.js';
import { EDGETWIN } from '#runtime/cli/commands.js';
import { gatewayCommands } from '#runtime/cli/run.js';
import { NO_TEMPLATES } from '#runtime/config/device-files.js';

const FILES = {
  'gateway.yaml': `node: pi-1
dataDir: data
broker:
  listen: 127.0.0.1:1883
devices: [meter.yaml]
`,
  'meter.yaml': `apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata:
  name: meter
spec:
  properties:
    - name: level
      type: FLOAT
      accessMode: ReadWrite
---
apiVersion: devices.kubeedge.io/v1beta1
kind: Device
metadata:
  name: meter-1
spec:
  deviceModelRef:
    name: meter
  protocol:
    protocolName: modbus
    configData:
      communicateMode: RTU
      serialName: /dev/ttyUSB0
      baudRate: 9600
      parity: even
      slaveID: 1
  properties:
    - name: level
      collectCycle: 500
      visitors:
        protocolName: modbus
        configData:
          register: HoldingRegister
          offset: 0
          dataType: uint16
`,
};
type File = keyof typeof FILES;

/** What is right in a file, what a person wrote instead, where it is told, and what is suggested. */
const MISTAKES: readonly (readonly [File, string, string, place: string, meant: string])[] = [
  ['gateway.yaml', 'broker:', 'brokr:', '3:1  brokr', 'broker'],
  ['gateway.yaml', 'listen:', 'lisen:', '4:3  broker.lisen', 'listen'],
  ['gateway.yaml', 'dataDir', 'datadir', '2:1  datadir', 'dataDir'],
  ['meter.yaml', 'Device\n', 'Devise\n', '12:7  kind', 'Device'],
  [
    'meter.yaml',
    'name: meter\n  p',
    'name: metre\n  p',
    '17:11  spec.deviceModelRef.name',
    'meter',
  ],
  ['meter.yaml', 'accessMode', 'acessMode', '9:7  spec.properties[0].acessMode', 'accessMode'],
  ['meter.yaml', 'visitors', 'visitor', '29:7  spec.properties[0].visitor', 'visitors'],
  ['meter.yaml', 'level\n      c', 'levl\n      c', '27:13  spec.properties[0].name', 'level'],
  ['meter.yaml', 'y: even', 'y: evn', '24:15  spec.protocol.configData.parity', 'even'],
  ['meter.yaml', 'RTU', 'RTV', '21:24  spec.protocol.configData.communicateMode', 'rtu'],
  [
    ...(['meter.yaml', 'HoldingR', 'HoldinR'] as const),
    ...(['32:21  spec.properties[0].visitors.configData.register', 'HoldingRegister'] as const),
  ],
  [
    ...(['meter.yaml', 'uint16', 'unit16'] as const),
    ...(['34:21  spec.properties[0].visitors.configData.dataType', 'uint16'] as const),
  ],
];

const COMMANDS = gatewayCommands({
  ...{ clock: systemClock, random: systemRandom, software: 'edgetwin', loadMapper },
  templates: NO_TEMPLATES,
  link: () => Promise.reject(new TypeError('a broken configuration opens no link')),
});

for (const command of ['check', 'run'] as const)
  test(`${command} tells file, line, column, key and a suggestion of each mistake, and ends with 2`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'edgetwin-broken-'));
    t.teardown(() => rm(folder, { recursive: true }));
    for (const [file, right, wrong, place, meant] of MISTAKES) {
      t.true(FILES[file].includes(right));
      for (const [name, text] of Object.entries(FILES))
        await writeFile(join(folder, name), name === file ? text.replace(right, wrong) : text);
      let err = '';
      const terminal = {
        out: () => t.fail(`${wrong} is taken`),
        err: (text: string) => void (err += text),
        signal: AbortSignal.abort(),
      };
      const argv = [command, '--config', join(folder, 'gateway.yaml')];
      const dispatch = () => Promise.resolve(COMMANDS[command] ?? (() => Promise.resolve()));
      t.is(await runCommandLine(EDGETWIN, () => '', dispatch, argv, terminal), 2, err);
      t.true(err.includes('the configuration has one error'), err);
      t.true(err.includes(`${join(folder, file)}:${place}: `), err);
      t.regex(err, new RegExp(`did you mean ${meant}\\?`, 'i'));
    }
  });
