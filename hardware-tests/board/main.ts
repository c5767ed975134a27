import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { systemClock } from '#protocol/clock.js';
import { formatIssues } from '#protocol/config-issue.js';
import type { Device } from '#protocol/device.js';
import { systemRandom } from '#protocol/random.js';
import { parseText } from '#protocol/value-check.js';
import { loadMapper } from '#mappers/registry.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { readDevices } from '#runtime/config/device-files.js';
import { judgeBy } from '#runtime/config/judge-device.js';
import { formatReport, hasPassed } from './report.js';
import { runSuite } from './suite.js';

const HELP = `Runs the mapper suite against a real adapter and device, on any board.

npm run test:hardware -- --port /dev/serial/by-id/... --template NAME

  --port PATH           The serial port.
  --template NAME       The template of the device: edgetwin mapper template list.
  --devices FILE        Instead of both: a file with the device, the first one counts.
  --unit N              Its Modbus unit. Default: the template's, or 1.
  --baud N, --format F  Speed and format of the line, such as 8E1. Default: the template's.
  --rounds N            Rounds of all properties. Default: 200.
  --write NAME=VALUE    Write this property and read it back. Nothing is written without it.
  --yes                 Nobody is there: do not ask to unplug and plug in.
  --report FILE         Write the report as Markdown. Default: hardware-report.md.
  --record FILE         Write what was heard as a fixture for mappers/templates/exchanges.
`;

/** The device that the arguments describe; its faults as text. */
async function deviceOf(file: string): Promise<Device | string> {
  const library = { names: templateNames, load: loadTemplate };
  const judge = judgeBy(loadMapper);
  const read = await readDevices('/', [resolve(file)], undefined, judge, library, () => undefined);
  const [device] = read.devices;
  if (read.issues.length > 0) return formatIssues(read.issues);
  return device ?? `${file} has no device`;
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ port: text, template: text, devices: text, unit: text, baud: text, format: text },
      ...{ rounds: text, write: text, report: text, record: text },
      ...{ yes: { type: 'boolean' }, help: { type: 'boolean' } },
    },
  });
  const { port, template, unit, baud, format } = values;
  const isDescribed =
    values.devices !== undefined || (port !== undefined && template !== undefined);
  if (values.help === true || !isDescribed) {
    process.stdout.write(HELP);
    return values.help === true ? 0 : 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-board-'));
  const own = join(folder, 'device.yaml');
  const given = {
    ...{ template, name: 'device', port },
    ...(unit === undefined ? {} : { unit: Number(unit) }),
    ...(baud === undefined ? {} : { baudRate: Number(baud) }),
    ...(format === undefined ? {} : { format }),
  };
  await writeFile(own, JSON.stringify(given));
  const device = await deviceOf(values.devices ?? own);
  await rm(folder, { recursive: true });
  if (typeof device === 'string') {
    process.stderr.write(`${device}\n`);
    return 2;
  }
  const [name = '', wanted = ''] = values.write?.split('=') ?? [];
  const property = device.properties.find((one) => one.name === name);
  if (values.write !== undefined && property === undefined) {
    process.stderr.write(`there is no property ${name}\n`);
    return 2;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const { report, exchange } = await runSuite({
    device,
    port: port ?? String(device.protocol.configData['port']),
    rounds: Number(values.rounds ?? '200'),
    ...(property === undefined
      ? {}
      : { write: { property: name, value: parseText(property, wanted) } }),
    ...(values.yes === true
      ? {}
      : {
          hands: async (what) => {
            const words = what === 'unplug' ? 'Pull the adapter out' : 'Plug the adapter in again';
            await terminal.question(`${words}, then press Enter: `);
          },
        }),
    progress: (line) => process.stderr.write(`${line}\n`),
    clock: systemClock,
    random: systemRandom,
  });
  terminal.close();
  const formatted = formatReport(report);
  await writeFile(values.report ?? 'hardware-report.md', formatted);
  if (values.record !== undefined) await writeFile(values.record, exchange);
  process.stdout.write(formatted);
  return hasPassed(report) ? 0 : 1;
}

process.exitCode = await main();
