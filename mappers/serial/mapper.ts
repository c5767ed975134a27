import { realpath } from 'node:fs/promises';
import type { Device } from '#protocol/device.js';
import type { MapperHost, MapperModule } from '#protocol/mapper-port.js';
import type { Driver } from '../driver.js';
import { derivedIssues, derivedOf } from '../derived-config.js';
import { DerivingDriver } from '../deriving-driver.js';
import { LeasedDriver, type Lease } from '../leased-driver.js';
import { misconfigured, whyMisconfigured } from '../misconfigured.js';
import { PollingMapper } from '../polling.js';
import { portConflict } from '../port-conflict.js';
import { add, SharedLines } from '../shared-lines.js';
import { serialLink } from '../serial-port.js';
import { tcpLink } from '../tcp-link.js';
import { conflicts } from './conflicts.js';
import { SensorDriver } from './driver.js';
import { Line } from './line.js';
import { readSettings } from './settings.js';
import type { LineSettings, SensorSettings } from './settings.js';

/** Sensors that talk over a serial line in frames of their own (docs/mappers.md). */
export const serialModule: MapperModule = {
  protocolName: 'serial',
  validate: async (device, before = []) => {
    const { settings, issues } = await readSettings(device);
    const among = settings === undefined ? [] : await conflicts(device, settings, before);
    return [...issues, ...derivedIssues(device), ...among, ...portConflict(device, before)];
  },
  create: (host) => {
    const lines = linesOf(host);
    const sensors = new Sensors();
    return new PollingMapper({
      protocolName: 'serial',
      host,
      openDriver: (device) => openDriver(device, lines, sensors, host),
      counters: () => ({ ...sensors.counters(), ...lines.counters() }),
      close: () => lines.close(),
    });
  },
};

async function openDriver(
  device: Device,
  lines: Lines,
  sensors: Sensors,
  host: MapperHost,
): Promise<Driver> {
  const { settings, issues } = await readSettings(device);
  if (settings === undefined) return misconfigured(whyMisconfigured(issues), host.clock);
  const open = (): Promise<Lease | string> => lease(device, settings, lines, sensors, host);
  const driver = await LeasedDriver.open(open, host.clock);
  const derived = derivedOf(device);
  return derived.size === 0 ? driver : new DerivingDriver(driver, device, derived, host.clock);
}

async function lease(
  device: Device,
  settings: SensorSettings,
  lines: Lines,
  sensors: Sensors,
  { clock }: MapperHost,
): Promise<Lease | string> {
  const { line } = settings;
  const identity =
    line.kind === 'port'
      ? await realpath(line.port).catch(() => line.port)
      : `${line.host.toLowerCase()}:${line.tcpPort}`;
  const shared = await lines.share(identity, line);
  if ('why' in shared) return shared.why;
  const driver = new SensorDriver(settings, device.properties, shared.line, clock);
  sensors.open.add(driver);
  const release = (): Promise<void> => {
    driver.close();
    sensors.ended(driver);
    return shared.release();
  };
  return { driver, release };
}

/** What is counted of the frames of all sensors, also of those that were dropped since. */
class Sensors {
  readonly open = new Set<SensorDriver>();
  readonly #past: Record<string, number> = {};

  ended(driver: SensorDriver): void {
    if (this.open.delete(driver)) add(this.#past, driver.counters);
  }

  counters(): Readonly<Record<string, number>> {
    const sum = { ...this.#past };
    for (const { counters } of this.open) add(sum, counters);
    return sum;
  }
}

type Lines = SharedLines<Line, LineSettings>;

/** One Line for a port, whatever the spelling of its path: two openers would steal bytes. */
function linesOf({ clock, random, log }: MapperHost): Lines {
  // The identity is the port, or host and port: the path's spelling does not count.
  const format = ({ kind, ...rest }: LineSettings): string =>
    JSON.stringify({ kind, ...rest, port: '', host: '' });
  return new SharedLines({
    open: (settings, identity) => {
      const { kind } = settings;
      const open = kind === 'port' ? serialLink(settings, clock) : tcpLink(settings, clock);
      return new Line(open, { clock, random, log: log.child('line', { line: identity, kind }) });
    },
    close: (line) => line.close(),
    counters: ({ reconnects }) => ({ reconnects }),
    isSame: (a, b) => format(a) === format(b),
  });
}
