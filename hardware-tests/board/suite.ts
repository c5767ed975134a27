import { sleep, type Clock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import type { Mapper, Reading } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import type { Value } from '#protocol/twin.js';
import { withDevice } from '#mappers/tools/live.js';
import { identify } from './identity.js';
import { check, checkModbusLine } from './modbus-checks.js';
import { formatExchange } from './recorded.js';
import type { Check, Report } from './report.js';
import { hearSensor } from './sensor-frames.js';

export interface SuiteOptions {
  readonly device: Device;
  readonly port: string;
  readonly rounds: number;
  /** A property to write and what: nothing is written without it. */
  readonly write?: { readonly property: string; readonly value: Value };
  /**
   * Asks a person to pull the adapter out, or to plug it in again, and resolves when it is done;
   * undefined: nobody is there.
   */
  readonly hands?: (what: 'unplug' | 'plug in') => Promise<void>;
  /** Milliseconds that anything may take to come; half a minute when absent. */
  readonly patienceMs?: number;
  readonly progress: (text: string) => void;
  readonly clock: Clock;
  readonly random: Random;
}

const PATIENCE_MS = 30_000;
const LOOK_MS = 20;

/** The whole mapper suite in front of a real device; `exchange` is what was heard, as a fixture. */
export async function runSuite(
  options: SuiteOptions,
): Promise<{ readonly report: Report; readonly exchange: string }> {
  const { device, port, progress } = options;
  const identity = await identify(port);
  const isModbus = device.protocol.protocolName === 'modbus';
  progress(isModbus ? 'transactions on the line' : 'listening to the sensor');
  const line = isModbus ? await checkModbusLine(device, options.rounds, options) : undefined;
  const frames = line?.exchanges ?? (await hearSensor(device, options.clock));
  progress('the mapper as the gateway runs it');
  const mapped = await checkMapper(options);
  const model = `${device.model}${identity.adapter['product'] === undefined ? '' : ` behind ${identity.adapter['product']}`}`;
  const readings: readonly Reading[] =
    line?.results.map((result) => ({ ...result, appliedVersion: { gen: 0, n: 0 } })) ??
    mapped.readings;
  return {
    report: {
      template: device.model,
      identity,
      checks: [...(line?.checks ?? []), ...mapped.checks],
      readings: mapped.readings,
      counters: { ...line?.counters, ...mapped.counters },
    },
    exchange: formatExchange(device.model, `${model}, ${identity.kernel}`, frames, readings),
  };
}

interface Mapped {
  readonly checks: readonly Check[];
  readonly readings: readonly Reading[];
  readonly counters: Readonly<Record<string, number>>;
}

async function checkMapper(options: SuiteOptions): Promise<Mapped> {
  const { device, clock, random } = options;
  const last = new Map<string, Reading>();
  let counters: Readonly<Record<string, number>> = {};
  const checks: Check[] = [];
  const heard = (reading: Reading): void => void last.set(reading.property, reading);
  await withDevice(device, { clock, random }, heard, async (mapper) => {
    const names = device.properties.map(({ name }) => name);
    const are = (quality: Reading['quality']) => (): boolean =>
      names.every((name) => last.get(name)?.quality === quality);
    const isGood = await comes(options, are('good'));
    const bad = [...last.values()].filter(({ quality }) => quality !== 'good');
    checks.push(
      check(
        'every property has a value',
        isGood,
        isGood
          ? `${names.length} properties`
          : `${bad.map(({ property, reason = '' }) => `${property} ${reason}`).join(', ')}; ${mapper.status().devices[0]?.detail ?? ''}`,
      ),
    );
    checks.push(await checkWrite(options, mapper, last));
    checks.push(...(await checkUnplugging(options, are, mapper)));
    ({ counters } = mapper.status());
  });
  return { checks, readings: [...last.values()], counters };
}

async function checkWrite(
  options: SuiteOptions,
  mapper: Mapper,
  last: ReadonlyMap<string, Reading>,
): Promise<Check> {
  const { device, write } = options;
  const name = 'a write is read back';
  if (write === undefined)
    return {
      name,
      outcome: 'skipped',
      detail: 'nothing is written without --write PROPERTY=VALUE',
    };
  const version = { gen: 1, n: 1 };
  const { property, value } = write;
  const outcome = await mapper.write({ device: device.id, property, value, version });
  if (!outcome.ok) return check(name, false, `${outcome.code}: ${outcome.message}`);
  const isBack = await comes(options, () => last.get(property)?.appliedVersion.n === 1);
  const held = last.get(property)?.value;
  return check(name, isBack && held === value, `${property} holds ${JSON.stringify(held)}`);
}

async function checkUnplugging(
  options: SuiteOptions,
  are: (quality: Reading['quality']) => () => boolean,
  mapper: Mapper,
): Promise<readonly Check[]> {
  const { hands, clock, progress } = options;
  const names = [
    'unplugged: bad, never the last value',
    'plugged in again: values come back',
  ] as const;
  if (hands === undefined)
    return names.map((name) => ({
      name,
      outcome: 'skipped',
      detail: 'nobody to do it: --yes was given',
    }));
  await hands('unplug');
  const pulledMs = clock.now();
  const isBad = await comes(options, are('bad'));
  const badMs = clock.now() - pulledMs;
  progress('it is away');
  await hands('plug in');
  const pluggedMs = clock.now();
  const isBack = await comes(options, are('good'));
  const backMs = clock.now() - pluggedMs;
  return [
    check(names[0], isBad, `${badMs.toFixed(0)} ms after it was said to be out`),
    check(
      names[1],
      isBack,
      `${backMs.toFixed(0)} ms after it was said to be in, ${mapper.status().counters['reconnects'] ?? 0} attempts`,
    ),
  ];
}

async function comes(
  { clock, patienceMs = PATIENCE_MS }: SuiteOptions,
  holds: () => boolean,
): Promise<boolean> {
  const endMs = clock.now() + patienceMs;
  while (!holds()) {
    if (clock.now() > endMs) return false;
    await sleep(clock, 'hardware test', LOOK_MS);
  }
  return true;
}
