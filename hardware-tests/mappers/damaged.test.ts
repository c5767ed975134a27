import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { until } from '#mappers/compliance.js';
import { withDevice } from '#mappers/tools/live.js';
import { simulate } from '#mappers/tools/simulate.js';
import { at, NO_FAULTS } from '#mappers/tools/slave.js';
import { onSerial } from './on-serial.js';

const SEED = 20_261_122;
const LINE = { baudRate: 115_200, dataBits: 8, stopBits: 1, parity: 'none' } as const;
const FAULTS = { ...NO_FAULTS, damagedEvery: 2 };
const UNIT = 7;
const FIRST = 41;
const REGISTERS = 4;
/** Good readings until the slave has damaged several answers. */
const GOOD = 24;

/** Registers 0 to 3 in one read: the last byte of the answer is the low byte of the last. */
function meter(configData: Readonly<Record<string, unknown>>): Device {
  return {
    id: 'default/m',
    model: 'm',
    protocol: {
      protocolName: 'modbus',
      configData: { unitId: UNIT, timeout: 200, ...configData },
    },
    properties: Array.from({ length: REGISTERS }, (_, offset) => ({
      ...{ name: `r${offset}`, type: 'int', access: 'ReadOnly', reportToCloud: true },
      ...{ reportCycleMs: 10, collectCycleMs: 10 },
      visitor: {
        protocolName: 'modbus',
        configData: { register: 'HoldingRegister', offset, dataType: 'uint16' },
      },
    })),
  };
}

/** Reads until there are enough good values, and that each is what the register holds. */
async function believesNothingElse(t: ExecutionContext, device: Device): Promise<void> {
  const readings: Reading[] = [];
  const good = (): Reading[] => readings.filter(({ quality }) => quality === 'good');
  const ports = { clock: systemClock, random: seededRandom(SEED) };
  await withDevice(
    device,
    ports,
    (reading) => readings.push(reading),
    () => until('good readings between the damaged ones', () => good().length >= GOOD),
  );
  const told = new Set(
    good().map(({ property, value }) => `${property} ${String(value as number)}`),
  );
  const held = Array.from({ length: REGISTERS }, (_, offset) => `r${offset} ${FIRST + offset}`);
  t.deepEqual([...told].sort(), held);
}

async function simulated(
  t: ExecutionContext,
  where: Parameters<typeof simulate>[1],
  device: Device,
): Promise<string> {
  const ports = { clock: systemClock, random: seededRandom(SEED) };
  const simulation = await simulate([device], where, FAULTS, ports);
  t.teardown(() => simulation.stop());
  const own = simulation.holdings.get(UNIT);
  for (let offset = 0; offset < REGISTERS; offset += 1)
    own?.set(at('holding', offset), FIRST + offset);
  return simulation.address;
}

test('a simulated slave on TCP that damages answers makes no wrong value', async (t) => {
  const tcp = { transport: 'tcp', host: '127.0.0.1' };
  const address = await simulated(t, { tcpPort: 0 }, meter({ ...tcp, tcpPort: 1 }));
  await believesNothingElse(t, meter({ ...tcp, tcpPort: Number(address.split(':')[1]) }));
});

onSerial(
  'a simulated slave on a line that damages answers makes no wrong value',
  async (t, pair) => {
    const device = meter({ transport: 'rtu', ...LINE, port: pair.master });
    await simulated(t, { serial: { port: pair.slave, ...LINE } }, device);
    await believesNothingElse(t, device);
  },
);
