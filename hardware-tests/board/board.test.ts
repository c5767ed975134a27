import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NO_FAULTS } from '#mappers/tools/slave.js';
import { parseExchanges } from '#mappers/templates/exchange.js';
import { checkExchange } from '../mappers/exchange-check.js';
import { pms5003, SerialSensor } from '../simulators/serial-sensor.js';
import { formatReport, hasPassed } from './report.js';
import { onSerial } from '../mappers/on-serial.js';
import { deviceOf, LINE, ports, slave } from './simulated-board.js';
import { runSuite } from './suite.js';

onSerial(
  'the hardware suite passes on a line, writes, finds the adapter again and records',
  async (t, pair) => {
    const short = { template: 'xy-md02', port: pair.master, baudRate: LINE.baudRate };
    const slow = await deviceOf(t, short);
    // What is read each ten seconds would be waited for when the adapter is in and out.
    const often = { collectCycleMs: 1_000, reportCycleMs: 1_000 };
    const device = { ...slow, properties: slow.properties.map((one) => ({ ...one, ...often })) };
    // Late enough that a request can be given up before.
    const unhurried = { ...NO_FAULTS, lateMs: 40 };
    let simulation = await slave(device, pair, unhurried);
    const { report, exchange } = await runSuite({
      ...{ device, port: pair.master, rounds: 20, progress: () => undefined, ...ports },
      write: { property: 'humidityOffset', value: 2.5 },
      hands: async (what) => {
        if (what === 'unplug') {
          await simulation.stop();
          await pair.unplug();
        } else {
          await pair.plugIn();
          simulation = await slave(device, pair, unhurried);
        }
      },
    });
    await simulation.stop();
    t.true(hasPassed(report), formatReport(report));
    t.deepEqual(
      report.checks.map(({ outcome }) => outcome),
      new Array(report.checks.length).fill('passed'),
    );
    const text = formatReport(report);
    t.regex(text, /- kernel: Linux /);
    t.regex(text, /20 of 20 whole/);
    t.regex(text, /ms needed, 0 went sooner/);
    t.regex(text, /of \d+\.\d ms: [1-9] late answers counted, 0 wrong values/);

    const [recorded] = await parseExchanges('xy-md02', exchange);
    if (recorded === undefined) throw new TypeError('nothing was recorded');
    t.is(recorded.frames.length, 2);
    t.deepEqual(Object.keys(recorded.values).length, 4);
    await checkExchange(t, 'xy-md02', recorded);
  },
);

onSerial(
  'the command of the hardware suite, with a sensor that talks by itself',
  async (t, pair) => {
    const talk = (): SerialSensor => {
      const sensor = new SerialSensor(
        { port: pair.slave, ...LINE, baudRate: 9600 },
        () => undefined,
      );
      sensor.talk(30, () => pms5003(35));
      return sensor;
    };
    const sensor = talk();
    const folder = await mkdtemp(join(tmpdir(), 'edgetwin-board-'));
    t.teardown(() => rm(folder, { recursive: true }));
    const [report, record] = [join(folder, 'report.md'), join(folder, 'pms5003.yaml')];
    const words = ['--port', pair.master, '--template', 'pms5003', '--yes'];
    const child = spawn('node', [
      fileURLToPath(new URL('./main.js', import.meta.url)),
      ...words,
      ...['--report', report, '--record', record],
    ]);
    let output = '';
    child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
    const code = await new Promise((ended) => child.once('exit', ended));
    await sensor.close();
    t.is(code, 0, output);
    t.regex(await readFile(report, 'utf8'), /\| pm25 \| 35 \| good/);
    const [recorded] = await parseExchanges('pms5003', await readFile(record, 'utf8'));
    if (recorded === undefined) throw new TypeError('nothing was recorded');
    t.is(recorded.values['pm25'], 35);
    t.deepEqual(recorded.frames[0]?.reply, Buffer.from(pms5003(35)));
    await checkExchange(t, 'pms5003', recorded);
  },
);
