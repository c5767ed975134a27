import { realpath } from 'node:fs/promises';
import type { Device } from '#protocol/device.js';
import type { MapperHost, MapperModule } from '#protocol/mapper-port.js';
import type { Driver } from '../driver.js';
import { DerivingDriver } from '../deriving-driver.js';
import { derivedIssues, derivedOf } from '../derived-config.js';
import { LeasedDriver, type Lease } from '../leased-driver.js';
import { misconfigured, whyMisconfigured } from '../misconfigured.js';
import { PollingMapper } from '../polling.js';
import { portConflict } from '../port-conflict.js';
import { SharedLines } from '../shared-lines.js';
import { busIdentity, isSameBus, type BusSettings } from './bus-settings.js';
import { BusRunner } from './bus-runner.js';
import { readSettings, type ModbusSettings } from './config.js';
import { ModbusDriver } from './driver.js';
import { lineLoad } from './line-load.js';
import { SunSpecDriver } from './sunspec-driver.js';
import { conflicts } from './conflicts.js';
import { Naps } from './naps.js';
import { busOf } from './transport.js';

/** Modbus over serial lines, TCP, TLS and UDP. */
export const modbusModule: MapperModule = {
  protocolName: 'modbus',
  validate: (device, before = []) => {
    const { settings, issues } = readSettings(device);
    const among = settings === undefined ? [] : conflicts(device, settings, before);
    return [...issues, ...derivedIssues(device), ...among, ...portConflict(device, before)];
  },
  lineLoad,
  create: (host) => {
    const naps = new Naps(host.clock);
    const buses = busesOf(host, naps);
    return new PollingMapper({
      protocolName: 'modbus',
      host,
      openDriver: (device) => openDriver(device, buses, host),
      counters: () => ({ ...buses.counters(), ...naps.counters() }),
      close: () => buses.close(),
    });
  },
};

async function openDriver(device: Device, buses: Buses, host: MapperHost): Promise<Driver> {
  const { settings, issues } = readSettings(device);
  if (settings === undefined) return misconfigured(whyMisconfigured(issues), host.clock);
  const driver = await LeasedDriver.open(() => lease(settings, buses, host), host.clock);
  const derived = derivedOf(device);
  return derived.size === 0 ? driver : new DerivingDriver(driver, device, derived, host.clock);
}

async function lease(
  settings: ModbusSettings,
  buses: Buses,
  { clock }: MapperHost,
): Promise<Lease | string> {
  const { bus, limits, points } = settings;
  const resolved = await resolvePort(bus);
  const shared = await buses.share(busIdentity(resolved), { bus, resolved, limits });
  if ('why' in shared) return shared.why;
  const Served = points.size === 0 ? ModbusDriver : SunSpecDriver;
  const driver = new Served(settings, shared.line, clock);
  const release = (): Promise<void> => {
    driver.close();
    return shared.release();
  };
  return { driver, release };
}

interface BusWanted extends Pick<ModbusSettings, 'bus' | 'limits'> {
  /** The port without symbolic links. */
  readonly resolved: BusSettings;
}

type Buses = SharedLines<BusRunner, BusWanted>;

/** One runner a physical bus, whatever the spelling of its port. */
function busesOf({ clock, random, log }: MapperHost, naps: Naps): Buses {
  return new SharedLines({
    open: ({ bus: settings, limits }, identity) => {
      const { bus, open } = busOf(settings, clock, limits);
      const ports = { clock, random, log: log.child('bus', { bus: identity }), naps };
      return new BusRunner(bus, open, ports);
    },
    close: (runner) => runner.close(),
    counters: (runner) => runner.counters(),
    isSame: (a, b) => isSameBus(a.resolved, b.resolved),
  });
}

/** `/dev/serial/by-id/...` and `/dev/ttyUSB0` may be one port. One that is unplugged keeps its name. */
async function resolvePort(settings: BusSettings): Promise<BusSettings> {
  if (!('port' in settings)) return settings;
  const port = await realpath(settings.port).catch(() => settings.port);
  return { ...settings, port };
}
