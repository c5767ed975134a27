import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { until } from '#mappers/compliance.js';
import type { Exchange } from '#mappers/templates/exchange.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { withDevice } from '#mappers/tools/live.js';
import { readDevices } from '#runtime/config/device-files.js';
import { hex, replay } from './exchange.js';

const library = { names: templateNames, load: loadTemplate };
const ports = { clock: systemClock, random: seededRandom(11) };

async function deviceOf(t: ExecutionContext, template: string, tcpPort: number): Promise<Device> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-exchange-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const line = `template: ${template}\nname: d\nhost: 127.0.0.1\ntcpPort: ${tcpPort}\n`;
  const text = (await loadTemplate(template)) ?? '';
  // Its own bytes travel, whatever the wire: quicker than the line would be.
  const wire = text.includes('protocol: modbus')
    ? 'transport: rtu-over-tcp\nbaudRate: 115200\n'
    : '';
  await writeFile(join(folder, 'd.yaml'), `${line}${wire}`);
  const valid = (): [] => [];
  const read = await readDevices(folder, ['d.yaml'], undefined, valid, library, () => undefined);
  t.deepEqual(read.issues, []);
  const [device] = read.devices;
  if (device === undefined) throw new TypeError('no device');
  return device;
}

/** Reads the values of an exchange from a device that says what is in it, through the mapper. */
export async function checkExchange(
  t: ExecutionContext,
  template: string,
  exchange: Exchange,
): Promise<void> {
  const { properties, values, writes, frames } = exchange;
  const isModbus = ((await loadTemplate(template)) ?? '').includes('protocol: modbus');
  const server = await replay(exchange, isModbus);
  t.teardown(() => server.stop());
  const whole = await deviceOf(t, template, server.port);
  const asked = whole.properties.filter(({ name }) => properties?.includes(name) ?? true);
  const device = { ...whole, properties: asked };
  t.deepEqual(Object.keys(values).sort(), asked.map(({ name }) => name).sort());
  const readings: Reading[] = [];
  const good = (name: string): Reading | undefined =>
    readings.findLast(({ property, quality }) => property === name && quality === 'good');
  await withDevice(
    device,
    ports,
    (reading) => readings.push(reading),
    async (mapper) => {
      await until(`${template}: all values`, () =>
        Object.entries(values).every(([name, value]) => value === null || good(name) !== undefined),
      );
      for (const { property, value, request } of writes) {
        const version = { gen: 1, n: 1 };
        t.deepEqual(await mapper.write({ device: device.id, property, value, version }), {
          ok: true,
        });
        t.true(server.asked.includes(hex(request)), `${template}: ${server.asked.join(' ')}`);
      }
    },
  );
  const told = `${template}, ${exchange.origin}: ${exchange.source}`;
  t.deepEqual(
    Object.fromEntries(Object.keys(values).map((name) => [name, good(name)?.value ?? null])),
    values,
    told,
  );
  // What a manual or a wire shows is what this mapper sends, byte for byte.
  if (exchange.origin === 'register map' || exchange.origin === 'heard') return;
  for (const { request } of frames)
    if (request !== undefined) t.true(server.asked.includes(hex(request)), told);
}
