import { realpath } from 'node:fs/promises';
import type { Device } from '#protocol/device.js';
import type { MapperHost, MapperModule } from '#protocol/mapper-port.js';
import type { Driver } from '../driver.js';
import { derivedIssues, derivedOf } from '../derived-config.js';
import { DerivingDriver } from '../deriving-driver.js';
import { misconfigured, whyMisconfigured } from '../misconfigured.js';
import { PollingMapper } from '../polling.js';
import { portConflict } from '../port-conflict.js';
import { serialLink } from '../serial-port.js';
import { tcpLink } from '../tcp-link.js';
import { conflicts } from './conflicts.js';
import { SensorDriver } from './driver.js';
import { Line } from './line.js';
import { readSettings } from './settings.js';
import type { LineSettings } from './settings.js';

/** Sensors that talk over a serial line in frames of their own (docs/mappers.md). */
export const serialModule: MapperModule = {
  protocolName: 'serial',
  validate: async (device, before = []) => {
    const { settings, issues } = await readSettings(device);
    const { protocolName } = device.protocol;
    const among = settings === undefined ? [] : conflicts(settings.line, before, protocolName);
    return [...issues, ...derivedIssues(device), ...among, ...portConflict(device, before)];
  },
  create: (host) => {
    const lines = new LinePool(host);
    const drivers: SensorDriver[] = [];
    return new PollingMapper({
      protocolName: 'serial',
      host,
      openDriver: async (device) => {
        const driver = await openDriver(device, lines, host);
        if (!(driver instanceof SensorDriver)) return driver;
        drivers.push(driver);
        const derived = derivedOf(device);
        return derived.size === 0
          ? driver
          : new DerivingDriver(driver, device, derived, host.clock);
      },
      counters: () => ({
        ...summed(drivers.map(({ counters }) => counters)),
        reconnects: lines.reconnects,
      }),
      close: () => lines.close(),
    });
  },
};

async function openDriver(device: Device, lines: LinePool, host: MapperHost): Promise<Driver> {
  const { settings, issues } = await readSettings(device);
  if (settings === undefined) return misconfigured(whyMisconfigured(issues), host.clock);
  const line = await lines.line(settings.line);
  if (typeof line === 'string') return misconfigured(line, host.clock);
  return new SensorDriver(settings, device.properties, line, host.clock);
}

/** One Line for a port, whatever the spelling of its path: two openers would steal bytes. */
class LinePool {
  readonly #host: MapperHost;
  readonly #lines = new Map<string, { readonly line: Line; readonly format: string }>();

  constructor(host: MapperHost) {
    this.#host = host;
  }

  get reconnects(): number {
    return [...this.#lines.values()].reduce((sum, { line }) => sum + line.reconnects, 0);
  }

  /** Why there is none, when another device wants the port in another way. */
  async line(settings: LineSettings): Promise<Line | string> {
    const { clock, random, log } = this.#host;
    const identity =
      settings.kind === 'port'
        ? await realpath(settings.port).catch(() => settings.port)
        : `${settings.host.toLowerCase()}:${settings.tcpPort}`;
    const { kind, ...rest } = settings;
    const format = JSON.stringify({ ...rest, port: identity });
    const known = this.#lines.get(identity);
    if (known?.format === format) return known.line;
    if (known !== undefined) return `another device uses ${identity} in another format`;
    const open = settings.kind === 'port' ? serialLink(settings, clock) : tcpLink(settings, clock);
    const line = new Line(open, {
      clock,
      random,
      log: log.child('line', { line: identity, kind }),
    });
    this.#lines.set(identity, { line, format });
    return line;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lines.values()].map(({ line }) => line.close()));
  }
}

function summed(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counters of all)
    for (const [name, count] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
