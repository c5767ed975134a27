import { realpath } from 'node:fs/promises';
import type { Device } from '#protocol/device.js';
import type { MapperHost, MapperModule } from '#protocol/mapper-port.js';
import type { Driver } from '../driver.js';
import { DerivingDriver } from '../deriving-driver.js';
import { derivedIssues, derivedOf } from '../derived-config.js';
import { misconfigured, whyMisconfigured } from '../misconfigured.js';
import { PollingMapper } from '../polling.js';
import { portConflict } from '../port-conflict.js';
import { busIdentity, isSameBus, type BusSettings } from './bus-settings.js';
import { BusRunner } from './bus-runner.js';
import { readSettings, type ModbusSettings } from './config.js';
import { ModbusDriver } from './driver.js';
import { SunSpecDriver } from './sunspec-driver.js';
import { conflicts } from './conflicts.js';
import { busOf } from './transport.js';

/** Modbus over serial lines, TCP, TLS and UDP. */
export const modbusModule: MapperModule = {
  protocolName: 'modbus',
  validate: (device, before = []) => {
    const { settings, issues } = readSettings(device);
    const among = settings === undefined ? [] : conflicts(device, settings, before);
    return [...issues, ...derivedIssues(device), ...among, ...portConflict(device, before)];
  },
  create: (host) => {
    const buses = new BusPool(host);
    return new PollingMapper({
      protocolName: 'modbus',
      host,
      openDriver: (device) => openDriver(device, buses, host),
      counters: () => buses.counters(),
      close: () => buses.close(),
    });
  },
};

async function openDriver(device: Device, buses: BusPool, host: MapperHost): Promise<Driver> {
  const { settings, issues } = readSettings(device);
  if (settings !== undefined) {
    const runner = await buses.runner(settings);
    if (!(runner instanceof BusRunner)) return misconfigured(runner, host.clock);
    const Served = settings.points.size === 0 ? ModbusDriver : SunSpecDriver;
    const driver = new Served(settings, runner, host.clock);
    const derived = derivedOf(device);
    return derived.size === 0 ? driver : new DerivingDriver(driver, device, derived, host.clock);
  }
  return misconfigured(whyMisconfigured(issues), host.clock);
}

/** One runner a physical bus, whatever the spelling of its port. */
class BusPool {
  readonly #host: MapperHost;
  readonly #buses = new Map<string, { runner: BusRunner; settings: BusSettings }>();
  #closed = false;

  constructor(host: MapperHost) {
    this.#host = host;
  }

  /** The runner of this bus, or why there is none. */
  async runner({ bus: settings, limits }: ModbusSettings): Promise<BusRunner | string> {
    const resolved = await resolvePort(settings);
    const identity = busIdentity(resolved);
    const known = this.#buses.get(identity);
    if (known !== undefined)
      return isSameBus(known.settings, resolved)
        ? known.runner
        : `another device uses ${identity} with another transport, baud rate, parity, data or stop bits`;
    if (this.#closed) return 'the mapper was stopped';
    const { clock, random, log } = this.#host;
    const { bus, open } = busOf(settings, clock, limits);
    const runner = new BusRunner(bus, open, {
      clock,
      random,
      log: log.child('bus', { bus: identity }),
    });
    this.#buses.set(identity, { runner, settings: resolved });
    return runner;
  }

  counters(): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const { runner } of this.#buses.values())
      for (const [name, count] of Object.entries(runner.counters()))
        sum[name] = (sum[name] ?? 0) + count;
    return sum;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#buses.values()].map(({ runner }) => runner.close()));
  }
}

/** `/dev/serial/by-id/...` and `/dev/ttyUSB0` may be one port. One that is unplugged keeps its name. */
async function resolvePort(settings: BusSettings): Promise<BusSettings> {
  if (!('port' in settings)) return settings;
  const port = await realpath(settings.port).catch(() => settings.port);
  return { ...settings, port };
}
