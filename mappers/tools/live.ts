import { sleep, type Clock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import type { Mapper, Reading, WriteOutcome } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import type { Value } from '#protocol/twin.js';
import { loadMapper } from '../registry.js';

export interface LivePorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** One device, served by its mapper in this process, for as long as `use` runs. */
export async function withDevice<T>(
  device: Device,
  ports: LivePorts,
  heard: (reading: Reading) => void,
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
  const mapper = module.create({
    ...ports,
    log: silentLog,
    report: async ({ readings }) => readings.forEach(heard),
  });
  await mapper.start([{ device, applied: new Map() }]);
  try {
    return await use(mapper);
  } finally {
    await mapper.stop();
  }
}

/**
 * One reading of each property; those that none came of within `patienceMs` are missing. A sensor
 * that talks by itself was not heard yet when it is first looked at: it is waited for.
 */
export async function readOnce(
  device: Device,
  ports: LivePorts,
  patienceMs: number,
): Promise<readonly Reading[]> {
  const readings = new Map<string, Reading>();
  const wanted = device.properties.filter(({ visitor }) => visitor !== undefined).length;
  const all = new AbortController();
  const isSensor = device.protocol.protocolName === 'serial';
  const heard = (reading: Reading): void => {
    readings.set(reading.property, reading);
    if (readings.size < wanted) return;
    if (!isSensor || [...readings.values()].every(({ quality }) => quality !== 'bad')) all.abort();
  };
  await withDevice(device, ports, heard, () =>
    sleep(ports.clock, 'mapper read', patienceMs, all.signal),
  );
  return [...readings.values()];
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
