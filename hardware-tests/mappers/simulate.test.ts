import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { seededRandom } from '#protocol/random.js';
import { until } from '#mappers/compliance.js';
import { readOnce, withDevice } from '#mappers/tools/live.js';
import { scan } from '#mappers/tools/scan.js';
import { simulate } from '#mappers/tools/simulate.js';
import { NO_FAULTS } from '#mappers/tools/slave.js';
import { deviceOf, LINE } from '../board/simulated-board.js';
import { onSerial } from './on-serial.js';

const ports = { clock: systemClock, random: seededRandom(20_261_122) };
const HOST = { host: '127.0.0.1', tcpPort: 1 };

function movedTo(device: Device, address: string): Device {
  const { protocol } = device;
  const tcpPort = Number(address.split(':')[1]);
  return { ...device, protocol: { ...protocol, configData: { ...protocol.configData, tcpPort } } };
}

const valuesOf = (readings: readonly Reading[]): unknown =>
  Object.fromEntries(
    readings.map(({ property, quality, value }) => [
      property,
      quality === 'good' ? value : quality,
    ]),
  );

test('each kind of device of a file is simulated on TCP, and others are named', async (t) => {
  const asked = await deviceOf(t, { template: 'mh-z19b', name: 'co2', ...HOST, tcpPort: 2 });
  const talks = await deviceOf(t, { template: 'pms5003', name: 'dust', ...HOST });
  const wire = { transport: 'rtu-over-tcp', unit: 4 };
  const behind = await deviceOf(t, { template: 'xy-md02', name: 'climate', ...HOST, ...wire });
  const meter = await deviceOf(t, { template: 'sdm120', name: 'meter', ...HOST });
  const own = { ...talks, id: 'default/own', model: 'own' };
  const udp = movedTo(meter, ':1');
  const { protocol } = udp;
  const overUdp = { ...protocol, configData: { ...protocol.configData, transport: 'udp' } };
  const simulation = await simulate(
    [asked, talks, behind, meter, own, { ...udp, id: 'default/udp', protocol: overUdp }],
    { tcpPort: 0 },
    NO_FAULTS,
    ports,
  );
  t.teardown(() => simulation.stop());
  t.deepEqual(
    simulation.places.map(({ devices, wire: kind }) => [devices, kind]),
    [
      [['default/meter'], 'Modbus TCP'],
      [['default/climate'], 'Modbus RTU'],
      [['default/co2'], 'its own frames'],
      [['default/dust'], 'its own frames'],
    ],
  );
  t.deepEqual(
    simulation.skipped.map(({ device, why }) => `${device}: ${why}`),
    [
      'default/own: what own says is not known: only sensors of the templates are simulated',
      'default/udp: Modbus over udp is not simulated',
    ],
  );
  const [, rtu, co2, dust] = simulation.places.map(({ address }) => address);
  t.deepEqual(valuesOf(await readOnce(movedTo(asked, co2 ?? ''), ports, 10_000)), { co2: 608 });
  const air = { pm1: 5, pm25: 8, pm10: 9 };
  t.deepEqual(valuesOf(await readOnce(movedTo(talks, dust ?? ''), ports, 10_000)), air);
  // A machine that is busy with other tests may miss a time-out: then it is asked again.
  const all = movedTo(behind, rtu ?? '');
  let climate = await readOnce(all, ports, 10_000);
  for (let again = 0; again < 9 && climate.some(({ quality }) => quality === 'bad'); again += 1)
    climate = await readOnce(all, ports, 10_000);
  t.like(valuesOf(climate), { temperature: 1, humidity: 2 });
  const tcpPort = Number(rtu?.split(':')[1]);
  const identities = async (): Promise<unknown> =>
    (
      await scan(
        {
          lines: [{ transport: 'rtu-over-tcp', host: '127.0.0.1', tcpPort, baudRate: 9600 }],
          units: [4],
          timeoutMs: 10_000,
          signal: new AbortController().signal,
          progress: () => undefined,
          found: () => undefined,
        },
        ports,
      )
    )[0]?.identity;
  let identity = await identities();
  for (let again = 0; again < 9 && identity === undefined; again += 1)
    identity = await identities();
  t.deepEqual(identity, ['edgetwin', 'xy-md02', 'simulated']);
});

test('a sensor that talks, and is looked at seldom, is read within the patience of one look', async (t) => {
  const talks = await deviceOf(t, { template: 'pms5003', name: 'dust', ...HOST });
  const simulation = await simulate([talks], { tcpPort: 0 }, NO_FAULTS, ports);
  t.teardown(() => simulation.stop());
  const dust = movedTo(talks, simulation.address);
  const seldom = { collectCycleMs: 3_600_000, reportCycleMs: 3_600_000 };
  const properties = dust.properties.map((one) => ({ ...one, ...seldom }));
  const readings = await readOnce({ ...dust, properties }, ports, 60_000);
  t.deepEqual(valuesOf(readings), { pm1: 5, pm25: 8, pm10: 9 });
});

test('a file with nothing to simulate is refused, and why', async (t) => {
  const talks = await deviceOf(t, { template: 'pms5003', name: 'dust', ...HOST });
  await t.throwsAsync(simulate([{ ...talks, model: 'x' }], { tcpPort: 0 }, NO_FAULTS, ports), {
    message: /no device to simulate; default\/d.*: what x says is not known/,
  });
});

onSerial(
  'a simulated sensor on a line that damages frames makes no wrong value',
  async (t, pair) => {
    const short = { template: 'mettler-sics', port: pair.master };
    const device = await deviceOf(t, { ...short, name: 'scale' });
    const line = { ...LINE, baudRate: 9600, port: pair.slave };
    const faults = { ...NO_FAULTS, damagedEvery: 2 };
    const simulation = await simulate([device], { serial: line }, faults, ports);
    const weights = new Set<unknown>();
    const scale = {
      ...device,
      protocol: {
        ...device.protocol,
        configData: { ...device.protocol.configData, timeout: '50ms' },
      },
      properties: device.properties.map((one) => ({
        ...one,
        collectCycleMs: 20,
        reportCycleMs: 20,
      })),
    };
    let bad = 0;
    const heard = ({ property, quality, value }: Reading): void => {
      if (quality === 'bad') bad += 1;
      else if (property === 'weight') weights.add(value);
    };
    await withDevice(scale, ports, heard, () =>
      until('both weights and damaged answers', () => weights.size >= 2 && bad >= 8),
    );
    await simulation.stop();
    t.deepEqual([...weights].sort(), [100, 129.07]);
  },
);
