import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import { seededRandom } from '#protocol/random.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { simulate, type Simulation } from '#mappers/tools/simulate.js';
import type { SimulatedFaults } from '#mappers/tools/slave.js';
import { readDevices } from '#runtime/config/device-files.js';
import type { SerialPair } from '../mappers/serial-pair.js';

export const ports = { clock: systemClock, random: seededRandom(8) };
export const LINE = { baudRate: 115_200, dataBits: 8, stopBits: 1, parity: 'none' } as const;

export async function deviceOf(t: ExecutionContext, short: object): Promise<Device> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-board-'));
  t.teardown(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'd.yaml'), JSON.stringify({ name: 'd', ...short }));
  const library = { names: templateNames, load: loadTemplate };
  const read = await readDevices(
    folder,
    ['d.yaml'],
    undefined,
    () => [],
    library,
    () => undefined,
  );
  const [device] = read.devices;
  if (device === undefined) throw new TypeError(JSON.stringify(read.issues));
  return device;
}

export async function slave(
  device: Device,
  pair: SerialPair,
  faults: SimulatedFaults,
): Promise<Simulation> {
  return simulate([device], { serial: { port: pair.slave, ...LINE } }, faults, ports);
}
