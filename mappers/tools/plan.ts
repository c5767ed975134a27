import type { Device, Property } from '#protocol/device.js';
import { AsciiFraming } from '../modbus/ascii-framing.js';
import { busIdentity, isLine } from '../modbus/bus-settings.js';
import { readSettings, type ModbusSettings } from '../modbus/config.js';
import type { Framing } from '../modbus/framing.js';
import { planReads } from '../modbus/plan.js';
import { RtuFraming } from '../modbus/rtu-framing.js';
import { rulesOf } from '../modbus/rules.js';
import { readSettings as readSensor } from '../serial/settings.js';

export interface PlannedRequest {
  readonly device: string;
  readonly unit: number;
  readonly cycleMs: number;
  readonly register: string;
  readonly offset: number;
  readonly count: number;
  readonly properties: readonly string[];
  /**
   * Hexadecimal, the RTU frame also where another wire carries it; of ASCII what is sent, without
   * CR and LF.
   */
  readonly frame: string;
  /** Predicted milliseconds on the line, silences and turnaround included; 0 where bytes are free. */
  readonly lineMs: number;
}

export interface BusPlan {
  readonly bus: string;
  readonly requests: readonly PlannedRequest[];
  /** SunSpec devices: they are asked where their points are, and the plan follows from their chain. */
  readonly asked: readonly string[];
  /** Requests that the cycles ask for. */
  readonly perSecond: number;
  /** Whether the time of a round is known: not where a network carries it. */
  readonly isLine: boolean;
  /** Milliseconds that one round of all requests takes. */
  readonly roundMs: number;
  /** Share of the line's time that the cycles ask for; above 1 polls are skipped. */
  readonly load: number;
}

/** Of frames that are only shown. */
const ANY_BAUD = 9_600;
/** What an unmeasured slave is taken to need until its answer begins. */
const TURNAROUND_MS = 10;

/** What would be sent for these devices, before anything is: the driver's own plan. */
export function planBuses(devices: readonly Device[]): readonly BusPlan[] {
  const buses = new Map<string, { isLine: boolean; requests: PlannedRequest[]; asked: string[] }>();
  for (const device of devices) {
    const { settings } = readSettings(device);
    if (device.protocol.protocolName !== 'modbus' || settings === undefined) continue;
    const identity = busIdentity(settings.bus);
    const line = isLine(settings.bus.transport) && 'baudRate' in settings.bus;
    const bus = buses.get(identity) ?? { isLine: line, requests: [], asked: [] };
    const { requests, asked } = bus;
    buses.set(identity, bus);
    if (settings.points.size > 0) asked.push(device.id);
    const cycles = new Set(device.properties.map(({ collectCycleMs }) => collectCycleMs));
    for (const cycleMs of cycles) {
      const spans = device.properties
        .filter((property) => property.collectCycleMs === cycleMs)
        .flatMap((property: Property) => {
          const visitor = settings.visitors.get(property.name);
          if (visitor === undefined) return [];
          const { kind, offset, count, exponentAt } = visitor;
          const own = { kind, offset, count, name: property.name };
          return exponentAt === undefined ? [own] : [own, { ...own, offset: exponentAt, count: 1 }];
        });
      for (const read of planReads(spans, rulesOf(settings, TURNAROUND_MS))) {
        const { kind, offset, count } = read;
        const request = { op: 'read', unit: settings.unit, kind, offset, count } as const;
        const framing = framingOf(settings);
        const frame = Buffer.from(framing.begin(request).bytes);
        requests.push({
          device: device.id,
          unit: settings.unit,
          cycleMs,
          register: kind,
          offset,
          count,
          properties: [...new Set(read.spans.map(({ name }) => name))],
          frame: isAscii(settings) ? frame.toString('latin1').trimEnd() : frame.toString('hex'),
          lineMs: line ? lineMsOf(framing, request, settings) : 0,
        });
      }
    }
  }
  return [...buses].map(([bus, { requests, asked, isLine: line }]) => ({
    bus,
    requests,
    asked,
    isLine: line,
    perSecond: requests.reduce((sum, { cycleMs }) => sum + 1_000 / cycleMs, 0),
    roundMs: requests.reduce((sum, { lineMs }) => sum + lineMs, 0),
    load: requests.reduce((sum, { lineMs, cycleMs }) => sum + lineMs / cycleMs, 0),
  }));
}

export interface PlannedSensor {
  readonly device: string;
  readonly line: string;
  /** Hexadecimal; absent of a sensor that talks by itself. */
  readonly request?: string;
  /** Shortest of its properties. */
  readonly cycleMs: number;
  readonly properties: readonly string[];
}

/** What is asked of serial sensors, and which of them only talk. */
export async function planSensors(devices: readonly Device[]): Promise<readonly PlannedSensor[]> {
  const sensors: PlannedSensor[] = [];
  for (const device of devices) {
    if (device.protocol.protocolName !== 'serial') continue;
    const { settings } = await readSensor(device);
    if (settings === undefined) continue;
    const { line, request, visitors } = settings;
    sensors.push({
      device: device.id,
      line: line.kind === 'port' ? line.port : `${line.host}:${line.tcpPort}`,
      ...(request === undefined ? {} : { request: Buffer.from(request).toString('hex') }),
      cycleMs: Math.min(...device.properties.map(({ collectCycleMs }) => collectCycleMs)),
      properties: [...visitors.keys()],
    });
  }
  return sensors;
}

function isAscii({ bus }: ModbusSettings): boolean {
  return bus.transport === 'ascii';
}

/** The frames of the line itself, also of one that a server passes on. */
function framingOf(settings: ModbusSettings): Framing {
  const baudRate = 'baudRate' in settings.bus ? settings.bus.baudRate : ANY_BAUD;
  return isAscii(settings) ? new AsciiFraming(baudRate) : new RtuFraming(baudRate);
}

/** Before the request the line is silent, longer when the device wants it so, and before the reply. */
function lineMsOf(
  framing: Framing,
  request: Parameters<Framing['wireMs']>[0],
  { limits }: ModbusSettings,
): number {
  const wire = framing.wireMs(request);
  const silences = Math.max(framing.silenceMs, limits.silenceMs ?? 0) + framing.silenceMs;
  return wire.request + wire.reply + silences + TURNAROUND_MS;
}
