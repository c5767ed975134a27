import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { readOnce } from '#mappers/tools/live.js';
import { simulate } from '#mappers/tools/simulate.js';
import { NO_FAULTS } from '#mappers/tools/slave.js';
import { readDevices } from '#runtime/config/device-files.js';

const ports = { clock: systemClock, random: seededRandom(5) };
/** Before the first test: tests are declared synchronously. */
const TEMPLATES = await templateNames();

async function devicesOf(t: ExecutionContext, yaml: string): Promise<readonly Device[]> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-simulated-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'devices.yaml'), yaml);
  const library = { names: templateNames, load: loadTemplate };
  const valid = (): [] => [];
  const { devices, issues } = await readDevices(
    folder,
    ['devices.yaml'],
    undefined,
    valid,
    library,
    () => undefined,
  );
  t.deepEqual(issues, []);
  return devices;
}

const isBad = ({ quality }: Reading): boolean => quality !== 'good';

for (const name of TEMPLATES)
  test(`template ${name} reads a simulated device of itself`, async (t) => {
    const [device] = await devicesOf(
      t,
      `template: ${name}\nname: x\nport: /dev/null\nhost: 127.0.0.1\ntcpPort: 502`,
    );
    if (device === undefined) throw new TypeError('no device');
    const simulation = await simulate([device], { tcpPort: 0 }, NO_FAULTS, ports);
    t.teardown(() => simulation.stop());
    t.deepEqual(simulation.skipped, []);
    const tcpPort = Number(simulation.address.split(':')[1]);
    const configData = { ...device.protocol.configData, tcpPort };
    const moved = { ...device, protocol: { ...device.protocol, configData } };
    let readings = await readOnce(moved, ports, 10_000);
    // A machine that is busy with other tests may miss a time-out.
    for (let again = 0; again < 3 && readings.some(isBad); again += 1)
      readings = await readOnce(moved, ports, 10_000);
    t.is(readings.length, device.properties.length);
    t.deepEqual(readings.filter(isBad), []);
  });
