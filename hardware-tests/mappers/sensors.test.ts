import type { ExecutionContext } from 'ava';
import { systemClock, type Clock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { recordingHost, until } from '#mappers/compliance.js';
import { serialModule } from '#mappers/serial/mapper.js';
import { disturb, gga, mhz19, pms5003, SerialSensor } from '../simulators/serial-sensor.js';
import { onSerial } from './on-serial.js';
import type { SerialPair } from './serial-pair.js';

const LINE = { baudRate: 9600, dataBits: 8, stopBits: 1, parity: 'none' } as const;
const SEED = 20_261_122;

function sensor(
  port: string,
  settings: Readonly<Record<string, unknown>>,
  property: Pick<Property, 'name' | 'type'>,
  place: Readonly<Record<string, unknown>>,
): Device {
  return {
    id: `default/${property.name}`,
    model: 'sensor',
    protocol: { protocolName: 'serial', configData: { port, baudRate: 9600, ...settings } },
    properties: [
      {
        ...property,
        access: 'ReadOnly',
        reportCycleMs: 20,
        collectCycleMs: 20,
        reportToCloud: true,
        visitor: { protocolName: 'serial', configData: place },
      },
    ],
  };
}

type Started = Awaited<ReturnType<typeof started>>;

async function started(t: ExecutionContext, device: Device, clock: Clock = systemClock) {
  t.deepEqual(await serialModule.validate(device), []);
  const { host, readings } = recordingHost(clock);
  const mapper = serialModule.create(host);
  await mapper.start([{ device, applied: new Map() }]);
  const good = (): number[] =>
    readings.flatMap(({ quality, value }) => (quality === 'good' ? [value as number] : []));
  return { mapper, readings, good };
}

/** Pulls the sensor's adapter out and plugs it in again: bad while it is out, and then values again. */
async function replugged(
  t: ExecutionContext,
  pair: SerialPair,
  { mapper, readings, good }: Pick<Started, 'mapper' | 'readings' | 'good'>,
  sensor: SerialSensor,
  connect: () => SerialSensor,
  pass: () => void = () => undefined,
): Promise<SerialSensor> {
  const connected = readings.length;
  await sensor.close();
  await pair.unplug();
  await until('it is away', () => {
    pass();
    return readings.slice(connected).at(-1)?.quality === 'bad';
  });
  const last = readings.at(-1);
  t.is(last?.value, null);
  const before = good().length;
  await pair.plugIn();
  const again = connect();
  await until('a value is there again', () => {
    pass();
    return good().length > before;
  });
  t.true((mapper.status().counters['reconnects'] ?? 0) > 0);
  return again;
}

/** What a noisy sensor said, and that nothing else was ever believed. */
async function listens(
  t: ExecutionContext,
  pair: SerialPair,
  device: Device,
  say: (reading: number) => Uint8Array,
): Promise<void> {
  const random = seededRandom(SEED);
  let said = 10;
  const connect = (): SerialSensor => {
    const sensor = new SerialSensor({ port: pair.slave, ...LINE }, () => undefined);
    sensor.talk(15, () => disturb(random, say(++said)));
    return sensor;
  };
  let talker = connect();
  const { mapper, readings, good } = await started(t, device);
  try {
    await until('150 frames were said', () => said > 160);
    const counters = mapper.status().counters;
    const values = good();
    t.true(values.length > 20, `${values.length} readings, seed ${SEED}`);
    t.true(
      values.every((value) => Number.isInteger(value) && value > 10 && value <= said),
      values.join(),
    );
    t.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
    );
    t.true((counters['frames'] ?? 0) > 60);
    t.true((counters['falseFrames'] ?? 0) + (counters['noiseBytes'] ?? 0) > 20);
    t.log(JSON.stringify(counters));
    talker = await replugged(t, pair, { mapper, readings, good }, talker, connect);
    const seen = good().length;
    await until('newer values', () => good().length > seen);
    t.true(good().every((value) => Number.isInteger(value) && value > 10 && value <= said));
  } finally {
    await mapper.stop();
    await talker.close();
  }
}

onSerial('a PMS5003 in noise: right values only, false frames counted', async (t, pair) => {
  const settings = {
    framing: { kind: 'length', sync: '42 4d', lengthAt: 2, lengthType: 'uint16be', lengthAdd: 4 },
    checksum: { kind: 'sum16be' },
  };
  const place = { at: 12, type: 'uint16be' };
  const device = sensor(pair.master, settings, { name: 'pm25', type: 'int' }, place);
  await listens(t, pair, device, pms5003);
});

onSerial(
  'a GPS receiver in noise: right positions only, false sentences counted',
  async (t, pair) => {
    const settings = {
      framing: { kind: 'frame', start: '24', end: '0d 0a' },
      checksum: { kind: 'xor8', over: '1..-5', at: -4, as: 'hex' },
    };
    const place = { sentence: 'GGA', field: 2, scale: 1000, offset: -53_000 };
    const device = sensor(pair.master, settings, { name: 'latitude', type: 'double' }, place);
    // A thousandth of a degree a step.
    await listens(t, pair, device, (step) => gga(step * 0.06));
  },
);

onSerial('a scale that prints lines; its port is pulled out and put back', async (t, pair) => {
  const place = { pattern: '^S S +([-0-9.]+) g$' };
  const scaleOnly = sensor(pair.master, {}, { name: 'weight', type: 'float' }, place);
  const derived = (name: string, type: Property['type'], configData: object): Property => ({
    ...{ name, type, access: 'ReadOnly', reportToCloud: true },
    ...{ reportCycleMs: 20, collectCycleMs: 20 },
    visitor: { protocolName: 'serial', configData: { ...configData } },
  });
  const device = {
    ...scaleOnly,
    properties: [
      ...scaleOnly.properties,
      derived('kilograms', 'double', { calculate: 'weight / 1000' }),
      derived('heavy', 'string', { alarmOf: 'weight', high: 100, hysteresis: 5 }),
    ],
  };
  const random = seededRandom(SEED);
  // Lines have no checksum: what comes before one may be noise, but not what is in it.
  const line = (): Uint8Array =>
    Buffer.concat([
      random.bytes(4).map((byte) => byte | 0x80),
      Buffer.from('S S  1\r\nS S     100.02 g\r\nS I\r\n'),
    ]);
  const connect = (): SerialSensor => {
    const scale = new SerialSensor({ port: pair.slave, ...LINE }, () => undefined);
    scale.talk(20, line);
    return scale;
  };
  let scale = connect();
  const { mapper, readings, good } = await started(t, device);
  const valuesOf = (name: string): unknown[] => [
    ...new Set(
      readings.flatMap((one) =>
        one.property === name && one.quality === 'good' ? [one.value] : [],
      ),
    ),
  ];
  try {
    await until('a weight is there', () => valuesOf('heavy').length > 0);
    scale = await replugged(t, pair, { mapper, readings, good }, scale, connect);
    t.deepEqual(valuesOf('weight'), [100.02]);
    t.deepEqual(valuesOf('kilograms'), [0.10002], 'calculated of a sensor that prints lines');
    t.deepEqual(valuesOf('heavy'), ['high']);
    t.true(
      readings.every(({ quality, value }) => quality !== 'bad' || value === null),
      'derived values are bad with what they are made of',
    );
  } finally {
    await mapper.stop();
    await scale.close();
  }
});

/** What becomes of a request: an answer in time, none that is whole, or one after the time-out. */
type Fate = 'answered' | 'lost' | 'late';

onSerial('a CO2 sensor that is asked: its answer, never noise or an older one', async (t, pair) => {
  const random = seededRandom(SEED);
  // Bytes take their time on the line, and only then does time go on: nothing hangs on the machine.
  const clock = new ManualClock();
  let asked = 400;
  let fate: Fate = 'answered';
  let isDisturbed = true;
  const connect = (): SerialSensor =>
    new SerialSensor(
      { port: pair.slave, ...LINE },
      (request) => {
        t.deepEqual(Array.from(request), [0xff, 1, 0x86, 0, 0, 0, 0, 0, 0x79]);
        const frame = mhz19(++asked);
        if (!isDisturbed) return frame;
        const said = disturb(random, frame);
        const isLate = random.unit() < 0.3;
        fate = isLate
          ? 'late'
          : Buffer.from(said).includes(Buffer.from(frame))
            ? 'answered'
            : 'lost';
        return isLate ? undefined : said;
      },
      9,
    );
  let answerer = connect();
  const settings = {
    requestHex: 'ff 01 86 00 00 00 00 00 79',
    timeout: '200ms',
    framing: { kind: 'fixed', sync: 'ff 86', length: 9 },
    checksum: { kind: 'sum8-twos', over: '1..-1' },
  };
  const place = { at: 2, type: 'uint16be' };
  const device = sensor(pair.master, settings, { name: 'co2', type: 'int' }, place);
  const { mapper, readings, good } = await started(t, device, clock);
  const counted = (name: string): number => mapper.status().counters[name] ?? 0;
  /** Time goes on, but not while an answer may be on its way. */
  const pass = (): void => {
    if (!clock.pending().includes('sensor answer')) clock.advance(5);
  };
  const exchange = async (): Promise<void> => {
    const [before, values] = [asked, good().length];
    await until('it is asked', () => {
      pass();
      return asked > before;
    });
    if (fate === 'answered') {
      await until('its answer is there', () => good().length > values);
      t.is(good().at(-1), asked);
      return;
    }
    const [timeouts, late] = [counted('timeouts'), counted('lateReplies')];
    clock.advance(200);
    t.is(counted('timeouts'), timeouts + 1);
    if (fate === 'lost') return;
    const soonMs = clock.now() + 250;
    await until('another request could have been sent', () => {
      clock.advance(25);
      return clock.now() >= soonMs;
    });
    answerer.say(mhz19(asked));
    await until('the late answer was heard', () => counted('lateReplies') > late);
    t.is(good().length, values, 'and believed');
  };
  try {
    while (good().length < 40) await exchange();
    t.true(counted('lateReplies') > 5 && counted('timeouts') > counted('lateReplies'));
    isDisturbed = false;
    answerer = await replugged(t, pair, { mapper, readings, good }, answerer, connect, pass);
    const { falseFrames = 0, noiseBytes = 0 } = mapper.status().counters;
    t.true(falseFrames + noiseBytes > 20);
    const values = good();
    t.true(values.every((value) => value > 400 && value <= asked));
    t.deepEqual(values, [...new Set(values)], 'each answer is used once');
  } finally {
    await mapper.stop();
    await answerer.close();
  }
});
