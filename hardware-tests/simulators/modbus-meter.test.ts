import { readFile } from 'node:fs/promises';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { systemClock } from '#protocol/clock.js';
import { readDocuments } from '#protocol/device-document.js';
import type { Device } from '#protocol/device.js';
import { recordingHost, until } from '#mappers/compliance.js';
import { crc16 } from '#mappers/modbus/adu.js';
import { modbusModule } from '#mappers/modbus/mapper.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { METER, Program } from '../programs.js';
import { MeterRegisters, type DeviceRegisters } from './meter-registers.js';
import { startMeter } from './modbus-meter.js';
import { RtuSlave } from './rtu-slave.js';

async function meterDevice(address: string): Promise<Device> {
  const file = new URL('../../../hardware-tests/playground/meter.yaml', import.meta.url);
  const text = (await readFile(file, 'utf8')).replace('5020', address.split(':')[1] ?? '');
  const documents = parseAllDocuments(text).map((document) => ({
    value: document.toJS() as unknown,
    source: 'meter.yaml',
  }));
  const { devices, issues } = readDocuments(documents);
  if (issues.length > 0) throw new Error(JSON.stringify(issues));
  const [source] = devices;
  if (source === undefined) throw new Error('no device');
  return source.device;
}

test('the playground’s documents fit the meter: each property is read, the writable ones written', async (t) => {
  const meter = await startMeter({ port: 0, clock: systemClock, random: seededRandom(1) });
  t.teardown(() => meter.stop());
  const device = await meterDevice(meter.address);
  t.is(device.id, 'default/meter-1');
  t.deepEqual(modbusModule.validate(device), []);
  const { host, readings } = recordingHost(systemClock);
  const mapper = modbusModule.create(host);
  t.teardown(() => mapper.stop());
  await mapper.start([{ device, applied: new Map() }]);
  const good = (): Set<string> =>
    new Set(readings.filter(({ quality }) => quality === 'good').map(({ property }) => property));
  await until('all are read', () => good().size === 7);
  const voltage = readings.find(({ property }) => property === 'voltage')?.value;
  if (typeof voltage !== 'number') return t.fail('voltage is no number');
  t.true(voltage > 200 && voltage < 240);
  t.is(voltage, Number(voltage.toFixed(1)), 'no digits of float32');
  const request = { device: device.id, version: { gen: 1, n: 1 } };
  t.deepEqual(await mapper.write({ ...request, property: 'setpoint', value: 55.5 }), { ok: true });
  t.deepEqual(await mapper.write({ ...request, property: 'relay', value: false }), { ok: true });
  t.is(meter.registers.setpoint, 555);
  t.false(meter.registers.relay);
  await until(
    'the load is off',
    () => readings.findLast(({ property }) => property === 'power')?.value === 0,
  );
});

test('the meter runs as a program, says where it is, and stops when told to', async (t) => {
  const program = await Program.start('meter', METER, ['--port', '0', '--json']);
  t.regex(program.address('address'), /^127\.0\.0\.1:\d+$/);
  t.is(await program.stop(), 0);
});

test('a load moves with the relay and the setpoint, and energy only grows', (t) => {
  const clock = new ManualClock();
  const registers = new MeterRegisters(clock, seededRandom(1));
  const before = registers.values.energy;
  clock.advance(10_000);
  const { energy } = registers.values;
  t.true(energy > before);
  t.is(registers.write('coil', 0, 0), 'ok');
  clock.advance(10_000);
  t.is(registers.values.power, 0);
  t.true(registers.values.energy - energy < 0.001);
  t.is(registers.write('holding', 0, 1001), 'value');
  t.is(registers.write('holding', 1, 1), 'address');
  registers.stop();
  t.deepEqual(clock.pending(), []);
});

test('the serial slave answers what is whole and its own, in any pieces', (t) => {
  const registers: DeviceRegisters = { read: () => 0x1234, write: () => 'ok' };
  const slave = new RtuSlave(3, registers);
  const framed = (...bytes: number[]): Uint8Array => {
    const crc = crc16(Uint8Array.from(bytes));
    return Uint8Array.from([...bytes, crc & 0xff, crc >> 8]);
  };
  const request = framed(3, 4, 0, 0, 0, 1);
  t.deepEqual(slave.receive(request.slice(0, 5)), []);
  t.deepEqual(slave.receive(request.slice(5)), [framed(3, 4, 2, 0x12, 0x34)]);
  t.deepEqual(slave.receive(framed(4, 4, 0, 0, 0, 1)), []);
  const damaged = request.slice();
  damaged[3] = 9;
  t.deepEqual(slave.receive(damaged), []);
  t.deepEqual(slave.receive(framed(3, 43, 14, 1, 0, 0)), [framed(3, 0xab, 1)]);
});
