import { sleep, type Clock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import type { Mapper, Reading, WriteOutcome } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import type { Value } from '#protocol/twin.js';
import { derivedOf } from '../derived-config.js';
import { loadMapper } from '../registry.js';

/** Milliseconds until a sensor that was not heard is looked at again. */
const AGAIN_MS = 1_000;

export interface LivePorts {
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * One device, served by its mapper in this process, for as long as `use` runs. `detail`: what the
 * mapper says of the device beside a reading that is not good, for people.
 */
export async function withDevice<T>(
  device: Device,
  ports: LivePorts,
  heard: (reading: Reading, detail: string | undefined) => void,
  use: (mapper: Mapper) => Promise<T>,
): Promise<T> {
  const module = await loadMapper(device.protocol.protocolName);
  if (module === undefined)
    throw new EdgeError(
      'EDGE_UNSUPPORTED',
      `${device.id} is served by a mapper in another process`,
      {
        hint: 'Ask the gateway instead: edgetwin twin get, or edgetwin twin watch.',
      },
    );
  const mapper: Mapper = module.create({
    ...ports,
    log: silentLog,
    report: async ({ readings }) => {
      for (const reading of readings)
        heard(reading, reading.quality === 'good' ? undefined : detailOf(mapper));
    },
  });
  await mapper.start([{ device, applied: new Map() }]);
  try {
    return await use(mapper);
  } finally {
    await mapper.stop();
  }
}

export interface Look {
  /** One of each property; those that none came of in time are missing. */
  readonly readings: readonly Reading[];
  /** What the mapper says of the device, when not all is well with it. */
  readonly detail?: string;
  /** What happened on the line, without what never did. */
  readonly counters: Readonly<Record<string, number>>;
}

/**
 * Reads a device, or only one property of it, within `patienceMs`. A sensor that talks by itself
 * was not heard yet when it is first looked at: it is waited for.
 */
export async function look(
  device: Device,
  property: string | undefined,
  ports: LivePorts,
  patienceMs: number,
): Promise<Look> {
  const readings = new Map<string, Reading>();
  const wanted = device.properties
    .filter(({ name, visitor }) => visitor !== undefined && name === (property ?? name))
    .map(({ name }) => name);
  const all = new AbortController();
  const isSensor = device.protocol.protocolName === 'serial';
  const heard = (reading: Reading): void => {
    if (!wanted.includes(reading.property)) return;
    readings.set(reading.property, reading);
    if (readings.size < wanted.length) return;
    if (!isSensor || [...readings.values()].every(({ quality }) => quality !== 'bad')) all.abort();
  };
  const part = property === undefined ? device : partOf(device, property);
  const served = isSensor ? askedOften(part) : part;
  return withDevice(served, ports, heard, async (mapper) => {
    await sleep(ports.clock, 'mapper read', patienceMs, all.signal);
    const detail = detailOf(mapper);
    const counted = Object.entries(mapper.status().counters).filter(([, count]) => count !== 0);
    return {
      readings: [...readings.values()],
      ...(detail === undefined ? {} : { detail }),
      counters: Object.fromEntries(counted),
    };
  });
}

/** One reading of each property; those that none came of within `patienceMs` are missing. */
export async function readOnce(
  device: Device,
  ports: LivePorts,
  patienceMs: number,
): Promise<readonly Reading[]> {
  return (await look(device, undefined, ports, patienceMs)).readings;
}

/** Writes one property and waits for what is read back; undefined when nothing came. */
export async function writeOnce(
  device: Device,
  property: string,
  value: Value,
  ports: LivePorts,
  patienceMs: number,
): Promise<{ readonly outcome: WriteOutcome; readonly readBack: Reading | undefined }> {
  const only = { ...device, properties: device.properties.filter(({ name }) => name === property) };
  let readBack: Reading | undefined;
  const came = new AbortController();
  const version = { gen: 1, n: 1 };
  const heard = (reading: Reading): void => {
    if (reading.appliedVersion.n !== version.n) return;
    readBack = reading;
    came.abort();
  };
  const outcome = await withDevice(only, ports, heard, async (mapper) => {
    const ended = await mapper.write({ device: device.id, property, value, version });
    if (ended.ok) await sleep(ports.clock, 'mapper read-back', patienceMs, came.signal);
    return ended;
  });
  return { outcome, readBack };
}

/** A property with those that it is made of: no more of the device is asked for. */
function partOf(device: Device, property: string): Device {
  const needed = [property, ...(derivedOf(device).get(property)?.of ?? [])];
  return { ...device, properties: device.properties.filter(({ name }) => needed.includes(name)) };
}

/** A sensor that had said nothing yet is looked at again soon, however seldom it is read. */
function askedOften(device: Device): Device {
  const often = ({ collectCycleMs, reportCycleMs }: Property): Partial<Property> => ({
    collectCycleMs: Math.min(collectCycleMs, AGAIN_MS),
    reportCycleMs: Math.min(reportCycleMs, AGAIN_MS),
  });
  return { ...device, properties: device.properties.map((one) => ({ ...one, ...often(one) })) };
}

function detailOf(mapper: Mapper): string | undefined {
  return mapper.status().devices[0]?.detail;
}
