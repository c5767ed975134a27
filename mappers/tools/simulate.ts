import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { Clock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import type { Link } from '../link.js';
import { readSettings, type ModbusSettings } from '../modbus/config.js';
import type { PointName } from '../modbus/sunspec-point.js';
import { encode } from '../modbus/visitor.js';
import { serialLink, type SerialSettings } from '../serial-port.js';
import { sunSpecHoldings } from './sunspec-slave.js';
import { at, SimulatedSlaves, type Holdings, type SimulatedFaults } from './slave.js';

export interface Simulation {
  /** Where it answers: `127.0.0.1:port` or the serial port. */
  readonly address: string;
  readonly units: readonly number[];
  /** Words by unit; changing them changes what the slave shows. */
  readonly holdings: ReadonlyMap<number, Holdings>;
  stop(): Promise<void>;
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

/** Serves every Modbus device of a list as a slave, by its unit. */
export async function simulate(
  devices: readonly Device[],
  where: { readonly serial: SerialSettings } | { readonly tcpPort: number },
  faults: SimulatedFaults,
  ports: { readonly clock: Clock; readonly random: Random },
): Promise<Simulation> {
  const holdings = new Map<number, Holdings>();
  const points = new Map<number, PointName[]>();
  for (const device of devices) {
    const { settings } = readSettings(device);
    if (device.protocol.protocolName !== 'modbus' || settings === undefined) continue;
    // Inverter and meter of one unit are parts of one chain.
    const named = [...(points.get(settings.unit) ?? []), ...settings.points.values()];
    points.set(settings.unit, named);
    const before = holdings.get(settings.unit) ?? [];
    const chain = named.length === 0 ? [] : sunSpecHoldings(named);
    holdings.set(settings.unit, new Map([...before, ...holdingsOf(device, settings), ...chain]));
  }
  if (holdings.size === 0)
    throw new EdgeError('EDGE_CONFIG', 'there is no Modbus device to simulate', {
      hint: 'Name a file with devices of protocol modbus; their units are simulated.',
    });
  const wire = 'serial' in where ? 'rtu' : 'tcp';
  const slaves = (): SimulatedSlaves => new SimulatedSlaves(holdings, wire, faults, ports.random);
  const answer = (
    on: SimulatedSlaves,
    bytes: Uint8Array,
    send: (bytes: Uint8Array) => void,
  ): void => {
    for (const reply of on.receive(bytes))
      if (faults.lateMs === 0) send(reply);
      else ports.clock.setTimer('late answer', faults.lateMs, () => send(reply));
  };
  const units = [...holdings.keys()];
  if ('serial' in where) {
    const link = await opened(where.serial, ports.clock, slaves(), answer);
    return { address: where.serial.port, units, holdings, stop: () => link.close() };
  }
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({ noDelay: true }, (socket) => {
    const own = slaves();
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) =>
      answer(own, bytes, (reply) => socket.writable && socket.write(reply)),
    );
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(where.tcpPort, '127.0.0.1');
  await once(server, 'listening').catch((cause: unknown) => {
    throw new EdgeError('EDGE_CONFIG', `cannot listen on 127.0.0.1:${where.tcpPort}`, {
      cause,
      hint: 'Name a port above 1023 with --tcp-port that nothing else listens on; 0 takes a free one.',
    });
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    units,
    holdings,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function opened(
  settings: SerialSettings,
  clock: Clock,
  slaves: SimulatedSlaves,
  answer: (on: SimulatedSlaves, bytes: Uint8Array, send: (bytes: Uint8Array) => void) => void,
): Promise<Link> {
  return new Promise((resolve, reject) => {
    const link = serialLink(
      settings,
      clock,
    )({
      opened: () => resolve(link),
      received: (bytes) => answer(slaves, bytes, (reply) => link.send(reply)),
      closed: reject,
    });
  });
}
