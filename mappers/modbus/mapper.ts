import { realpath } from 'node:fs/promises';
import type { Device } from '#protocol/device.js';
import type { MapperHost, MapperModule } from '#protocol/mapper-port.js';
import type { Driver } from '../driver.js';
import type { OpenLink } from '../link.js';
import { misconfigured, whyMisconfigured } from '../misconfigured.js';
import { PollingMapper } from '../polling.js';
import type { Bus } from './bus.js';
import { BusRunner } from './bus-runner.js';
import { busIdentity, readSettings, type BusSettings, type ModbusSettings } from './config.js';
import { ModbusDriver } from './driver.js';
import { rtuBus } from './rtu.js';
import { tcpBus } from './tcp.js';

/** Modbus RTU and TCP. */
export const modbusModule: MapperModule = {
  protocolName: 'modbus',
  validate: (device) => readSettings(device).issues,
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
    if (runner instanceof BusRunner) return new ModbusDriver(settings, runner, host.clock);
    return misconfigured(runner, host.clock);
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
  async runner({ bus: settings }: ModbusSettings): Promise<BusRunner | string> {
    const resolved = await resolvePort(settings);
    const identity = busIdentity(resolved);
    const known = this.#buses.get(identity);
    if (known !== undefined)
      return sameLine(known.settings, resolved)
        ? known.runner
        : `another device uses ${identity} with another baud rate, parity, data or stop bits`;
    if (this.#closed) return 'the mapper was stopped';
    const { clock, random, log } = this.#host;
    const { bus, open } = busOf(settings, clock);
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

function busOf(settings: BusSettings, clock: MapperHost['clock']): { bus: Bus; open: OpenLink } {
  return settings.transport === 'rtu' ? rtuBus(settings, clock) : tcpBus(settings, clock);
}

/** `/dev/serial/by-id/...` and `/dev/ttyUSB0` may be one port. One that is unplugged keeps its name. */
async function resolvePort(settings: BusSettings): Promise<BusSettings> {
  if (settings.transport === 'tcp') return settings;
  const port = await realpath(settings.port).catch(() => settings.port);
  return { ...settings, port };
}

function sameLine(a: BusSettings, b: BusSettings): boolean {
  if (a.transport === 'tcp' || b.transport === 'tcp') return a.transport === b.transport;
  const line = ({ baudRate, dataBits, stopBits, parity }: typeof a): string =>
    [baudRate, dataBits, stopBits, parity].join(' ');
  return line(a) === line(b);
}
