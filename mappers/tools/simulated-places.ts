import type { Device } from '#protocol/device.js';
import type { Random } from '#protocol/random.js';
import { readSettings, type ModbusSettings } from '../modbus/config.js';
import type { PointName } from '../modbus/sunspec-point.js';
import { encode } from '../modbus/visitor.js';
import {
  readSettings as readSensor,
  type LineSettings,
  type SensorSettings,
} from '../serial/settings.js';
import type { Exchange } from '../templates/exchange.js';
import { exchangesOf } from '../templates/library.js';
import { asAsked } from './simulated-meter.js';
import { SimulatedSensor } from './simulated-sensor.js';
import { at, SimulatedSlaves, type Holdings, type SimulatedFaults } from './slave.js';
import { sunSpecHoldings } from './sunspec-slave.js';

/** What answers behind one line or connection. */
export interface Player {
  receive(bytes: Uint8Array): readonly Uint8Array[];
  /** What is said unasked, once each second. */
  talk?(): readonly Uint8Array[];
}

/** Devices that one line or TCP port has room for. */
export interface Place {
  readonly wire: 'Modbus TCP' | 'Modbus RTU' | 'its own frames';
  readonly devices: readonly string[];
  /** None of sensors. */
  readonly units: readonly number[];
  /** A player for each connection: what was half received is its own. */
  player(faults: SimulatedFaults, random: Random): Player;
}

export interface Skipped {
  readonly device: string;
  readonly why: string;
}

export interface Places {
  /** In the order of the devices, Modbus first. */
  readonly places: readonly Place[];
  readonly skipped: readonly Skipped[];
  /** Words by unit. */
  readonly holdings: ReadonlyMap<number, Holdings>;
}

/** The slaves of one wire. */
class Slaves {
  readonly devices: string[] = [];
  readonly holdings = new Map<number, Holdings>();
  readonly #identities = new Map<number, readonly string[]>();
  readonly #points = new Map<number, PointName[]>();
  readonly #wire: 'tcp' | 'rtu';

  constructor(wire: 'tcp' | 'rtu') {
    this.#wire = wire;
  }

  add(device: Device, settings: ModbusSettings): void {
    const { unit } = settings;
    this.devices.push(device.id);
    // Inverter and meter of one unit are parts of one chain.
    const points = [...(this.#points.get(unit) ?? []), ...settings.points.values()];
    this.#points.set(unit, points);
    const chain = points.length === 0 ? [] : sunSpecHoldings(points);
    const before = this.holdings.get(unit) ?? [];
    this.holdings.set(unit, new Map([...before, ...holdingsOf(device, settings), ...chain]));
    if (!this.#identities.has(unit))
      this.#identities.set(unit, ['edgetwin', device.model, 'simulated']);
  }

  places(): readonly Place[] {
    const { devices, holdings } = this;
    const wire = this.#wire === 'tcp' ? 'Modbus TCP' : 'Modbus RTU';
    const player = (faults: SimulatedFaults, random: Random): Player =>
      new SimulatedSlaves(holdings, this.#identities, this.#wire, faults, random);
    return devices.length === 0 ? [] : [{ wire, devices, units: [...holdings.keys()], player }];
  }
}

/** Who can be simulated where: on a serial line one kind of device, on TCP each kind at its own port. */
export async function placesOf(devices: readonly Device[], isOnLine: boolean): Promise<Places> {
  const slaves = { tcp: new Slaves('tcp'), rtu: new Slaves('rtu') };
  const sensors = new Map<string, Sensor[]>();
  const skipped: Skipped[] = [];
  for (const device of devices) {
    const skip = (why: string): number => skipped.push({ device: device.id, why });
    if (device.protocol.protocolName === 'modbus') {
      const { settings } = readSettings(device);
      const wire = settings === undefined ? undefined : wireOf(settings, isOnLine);
      if (settings === undefined) skip('its settings are wrong');
      else if (wire === undefined) skip(`Modbus over ${settings.bus.transport} is not simulated`);
      else slaves[wire].add(device, settings);
    } else if (device.protocol.protocolName === 'serial') {
      const { settings } = await readSensor(device);
      const exchanges = (await exchangesOf(device.model)).filter(isWhole);
      if (settings === undefined) skip('its settings are wrong');
      else if (exchanges.length === 0)
        skip(`what ${device.model} says is not known: only sensors of the templates are simulated`);
      else {
        const line = lineOf(settings.line);
        sensors.set(line, [
          ...(sensors.get(line) ?? []),
          { device: device.id, settings, exchanges },
        ]);
      }
    } else skip(`its mapper, of ${device.protocol.protocolName}, is another process`);
  }
  const { tcp, rtu } = slaves;
  const places = [...tcp.places(), ...rtu.places(), ...[...sensors.values()].map(sensorsAt)];
  const [one, other] = [tcp.holdings, rtu.holdings];
  const holdings = other.size === 0 ? one : one.size === 0 ? other : new Map([...one, ...other]);
  if (!isOnLine) return { places, skipped, holdings };
  const [first, ...others] = places;
  for (const other of others)
    for (const device of other.devices)
      skipped.push({ device, why: `${first?.devices[0] ?? ''} has the port: name one of the two` });
  return { places: first === undefined ? [] : [first], skipped, holdings };
}

interface Sensor {
  readonly device: string;
  readonly settings: SensorSettings;
  readonly exchanges: readonly Exchange[];
}

/** The registers of a device, filled with values that its properties may have. */
export function holdingsOf(device: Device, { visitors }: ModbusSettings): Holdings {
  const holdings: Holdings = new Map();
  for (const { kind, offset, count, exponentAt } of visitors.values()) {
    for (let index = 0; index < count; index += 1) holdings.set(at(kind, offset + index), 0);
    if (exponentAt !== undefined) holdings.set(at(kind, exponentAt), 0xffff);
  }
  device.properties.forEach((property, index) => {
    const visitor = visitors.get(property.name);
    if (visitor === undefined) return;
    const { minimum = 0, maximum = 100 } = property;
    const middle = Math.round(Math.min(maximum, Math.max(minimum, index + 1)));
    for (const value of [middle, minimum, true, visitor.names?.values().next().value ?? 'A']) {
      const encoded = encode(visitor, property.type, value, 0xffff);
      if (!encoded.ok) continue;
      const { kind, offset } = visitor;
      encoded.words.forEach((word, position) => {
        const key = at(kind, offset + position);
        holdings.set(key, encoded.mask === undefined ? word : (holdings.get(key) ?? 0) | word);
      });
      break;
    }
  });
  return holdings;
}

/** Of a device for a line or for TCP the wire is the place's; of others it is their own. */
function wireOf({ bus }: ModbusSettings, isOnLine: boolean): 'tcp' | 'rtu' | undefined {
  if (bus.transport !== 'rtu' && bus.transport !== 'tcp' && bus.transport !== 'rtu-over-tcp')
    return undefined;
  return isOnLine || bus.transport === 'rtu-over-tcp' ? 'rtu' : 'tcp';
}

function sensorsAt(sensors: readonly Sensor[]): Place {
  const player = (faults: SimulatedFaults, random: Random): Player => {
    const all = sensors.map(
      ({ exchanges, settings }) =>
        new SimulatedSensor(
          exchanges.map((one) => asAsked(one, settings.request)),
          settings,
          faults,
          random,
        ),
    );
    return {
      receive: (bytes) => all.flatMap((sensor) => sensor.receive(bytes)),
      talk: () => all.flatMap((sensor) => sensor.talk()),
    };
  };
  const devices = sensors.map(({ device }) => device);
  return { wire: 'its own frames', devices, units: [], player };
}

function lineOf(line: LineSettings): string {
  return line.kind === 'port' ? line.port : `${line.host}:${line.tcpPort}`;
}

/** A sensor of which all is well gives every value. */
function isWhole({ values }: Exchange): boolean {
  return Object.values(values).every((value) => value !== null);
}
