import type { ConfigReader } from '../config-reader.js';
import { readFormat } from '../line-format.js';
import { readPort } from '../port-path.js';
import type { SerialSettings } from '../serial-port.js';
import type { TcpSettings } from '../tcp-link.js';
import type { TlsSettings } from '../tls-link.js';

/** How a bus or a device is reached. */
export type BusSettings =
  | ({ readonly transport: 'rtu' | 'ascii' } & SerialSettings)
  | ({ readonly transport: 'tcp' | 'udp' } & TcpSettings)
  /** A server that passes on a serial line of this speed. */
  | ({ readonly transport: 'rtu-over-tcp'; readonly baudRate: number } & TcpSettings)
  | ({ readonly transport: 'tls' } & TlsSettings)
  /** The device connects to this address of ours. */
  | ({ readonly transport: 'listen' } & TcpSettings);
export type TransportName = BusSettings['transport'];

export const TRANSPORTS = [
  'rtu',
  'tcp',
  'rtu-over-tcp',
  'ascii',
  'udp',
  'tls',
  'listen',
] as const satisfies readonly TransportName[];

/** Serial lines, where all slaves hear everything and only silence ends a frame. */
export function isLine(transport: TransportName): boolean {
  return transport === 'rtu' || transport === 'ascii' || transport === 'rtu-over-tcp';
}

/** Modbus has 502, its security 802. */
const PORTS = { tcp: 502, tls: 802 } as const;

export function readBus(reader: ConfigReader, transport: TransportName): BusSettings | undefined {
  if (transport === 'rtu' || transport === 'ascii') return serial(reader, transport);
  const address = {
    host:
      transport === 'listen' ? (reader.optionalText('host') ?? '127.0.0.1') : reader.text('host'),
    tcpPort: reader.integer(
      'tcpPort',
      1,
      65_535,
      transport === 'tls' ? PORTS.tls : PORTS.tcp,
      (raw) => (isDevice(raw) ? 'A device is on a serial port or at a host, not both.' : undefined),
    ),
  };
  const baudRate =
    transport === 'rtu-over-tcp' ? reader.integer('baudRate', 300, 4_000_000, 9600) : 0;
  const { host, tcpPort } = address;
  if (host === undefined || tcpPort === undefined || baudRate === undefined) return undefined;
  if (transport === 'rtu-over-tcp') return { transport, host, tcpPort, baudRate };
  if (transport !== 'tls') return { transport, host, tcpPort };
  const files = { ca: reader.text('ca'), cert: reader.text('cert'), key: reader.text('key') };
  const serverName = reader.optionalText('serverName');
  const { ca, cert, key } = files;
  if (ca === undefined || cert === undefined || key === undefined) return undefined;
  const named = serverName === undefined ? {} : { serverName };
  return { transport, host, tcpPort, ca, cert, key, ...named };
}

/** Devices of one identity share one scheduler. `port` should be resolved of symbolic links. */
export function busIdentity(bus: BusSettings): string {
  if ('port' in bus) return `serial:${bus.port.replace(/\/{2,}/g, '/')}`;
  const wire = bus.transport === 'udp' ? 'udp' : bus.transport === 'listen' ? 'listen' : 'tcp';
  return `${wire}:${bus.host.toLowerCase()}:${bus.tcpPort}`;
}

/** Whether two devices may share a bus of one identity. */
export function isSameBus(a: BusSettings, b: BusSettings): boolean {
  const line = (bus: BusSettings): string =>
    [
      bus.transport,
      ...('baudRate' in bus ? [bus.baudRate] : []),
      ...('parity' in bus ? [bus.dataBits, bus.stopBits, bus.parity] : []),
    ].join(' ');
  return line(a) === line(b);
}

function isDevice(raw: unknown): boolean {
  return typeof raw === 'string' && raw.includes('/');
}

function serial(reader: ConfigReader, transport: 'rtu' | 'ascii'): BusSettings | undefined {
  const port = readPort(reader, 'Write port: /dev/serial/by-id/..., or host: for Modbus TCP.');
  const baudRate = reader.integer('baudRate', 300, 4_000_000, 9600);
  const dataBits = reader.choice('dataBits', ['7', '8'] as const, '8');
  const stopBits = reader.choice('stopBits', ['1', '2'] as const, '1');
  const parity = reader.choice('parity', ['none', 'even', 'odd'] as const, 'none');
  if (reader.has('format')) {
    const format = readFormat(reader);
    if (port === undefined || baudRate === undefined || format === undefined) return undefined;
    return { transport, port, baudRate, ...format };
  }
  if (port === undefined || baudRate === undefined || parity === undefined) return undefined;
  if (dataBits === undefined || stopBits === undefined) return undefined;
  return {
    transport,
    port,
    baudRate,
    dataBits: dataBits === '7' ? 7 : 8,
    stopBits: stopBits === '2' ? 2 : 1,
    parity,
  };
}
