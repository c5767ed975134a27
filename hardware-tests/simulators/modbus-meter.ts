import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { ServerTCP, type IServiceVector } from 'modbus-serial';
import { systemClock, type Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { systemRandom, type Random } from '#protocol/random.js';
import { serialLink, type SerialSettings } from '#mappers/serial-port.js';
import type { RegisterKind } from '#mappers/modbus/frame.js';
import { MeterRegisters, type DeviceRegisters } from './meter-registers.js';
import { RtuSlave } from './rtu-slave.js';

export interface MeterOptions {
  /** TCP port on the loopback; 0 takes a free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Meter {
  /** `127.0.0.1:port`, or the serial port. */
  readonly address: string;
  /** The meter's own side: what it measures and what was written to it. */
  readonly registers: MeterRegisters;
  stop(): Promise<void>;
}

const ILLEGAL_DATA = { address: 2, value: 3 } as const;

/** A simulated energy meter behind modbus-serial's TCP server, which is none of our master's code. */
export async function startMeter({ port, clock, random }: MeterOptions): Promise<Meter> {
  const registers = new MeterRegisters(clock, random);
  const served = await serveTcp(registers, port);
  return {
    address: served.address,
    registers,
    stop: async () => {
      registers.stop();
      await served.stop();
    },
  };
}

/** The same meter on a serial line or a pseudo-terminal. */
export async function startSerialMeter(
  settings: SerialSettings,
  unit: number,
  { clock, random }: Omit<MeterOptions, 'port'>,
): Promise<Meter> {
  const registers = new MeterRegisters(clock, random);
  const stop = await serveRtu(new RtuSlave(unit, registers), settings, clock);
  return {
    address: settings.port,
    registers,
    stop: async () => {
      registers.stop();
      await stop();
    },
  };
}

/** Any registers behind modbus-serial's TCP server. */
export async function serveTcp(
  registers: DeviceRegisters,
  port: number,
): Promise<{ address: string; stop: () => Promise<void> }> {
  // A number of 0 would be taken for absent, and mean 502.
  const server = new ServerTCP(vectorOf(registers), {
    host: '127.0.0.1',
    port: String(port) as unknown as number,
  });
  server.on('socketError', () => undefined);
  await Promise.race([
    once(server, 'initialized'),
    once(server, 'serverError').then(([cause]) => {
      throw EdgeError.from(cause, 'EDGE_CONNECTION');
    }),
  ]);
  const { _server: listener } = server as unknown as { _server: Server };
  const address = `127.0.0.1:${(listener.address() as AddressInfo).port}`;
  return { address, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A slave on a serial line; resolves when the port is open. */
export async function serveRtu(
  slave: RtuSlave,
  settings: SerialSettings,
  clock: Clock,
): Promise<() => Promise<void>> {
  let send: (bytes: Uint8Array) => void = () => undefined;
  const link = await new Promise<{ close: () => Promise<void> }>((resolve, reject) => {
    const opened = serialLink(
      settings,
      clock,
    )({
      opened: () => resolve(opened),
      received: (bytes) => slave.receive(bytes).forEach((reply) => send(reply)),
      closed: reject,
    });
    send = (bytes) => opened.send(bytes);
  });
  return () => link.close();
}

function vectorOf(registers: DeviceRegisters): IServiceVector {
  const read = (kind: RegisterKind) => (offset: number) => {
    const word = registers.read(kind, offset);
    if (word === undefined) throw refusal('address');
    return word;
  };
  const readBit = (kind: RegisterKind) => (offset: number) => read(kind)(offset) !== 0;
  const write = (kind: 'coil' | 'holding', offset: number, word: number): void => {
    const result = registers.write(kind, offset, word);
    if (result !== 'ok') throw refusal(result);
  };
  return {
    getCoil: readBit('coil'),
    getDiscreteInput: readBit('discrete'),
    getInputRegister: read('input'),
    getHoldingRegister: read('holding'),
    setCoil: (offset: number, on: boolean) => write('coil', offset, Number(on)),
    setRegister: (offset: number, word: number) => write('holding', offset, word),
  };
}

function refusal(why: 'address' | 'value'): EdgeError {
  const error = new EdgeError('EDGE_RANGE', `no such ${why}`);
  return Object.assign(error, { modbusErrorCode: ILLEGAL_DATA[why] });
}

const HELP = `modbus-meter [--port N] [--serial PATH [--baud N] [--unit N]] [--json]
A simulated energy meter on Modbus TCP (127.0.0.1), or on a serial port. Port 0 takes a free one.`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '5020' },
      serial: { type: 'string' },
      baud: { type: 'string', default: '9600' },
      unit: { type: 'string', default: '1' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const ports = { clock: systemClock, random: systemRandom };
  const line = { baudRate: Number(values.baud), dataBits: 8, stopBits: 1, parity: 'none' } as const;
  const meter = await (values.serial === undefined
    ? startMeter({ port: Number(values.port), ...ports })
    : startSerialMeter({ port: values.serial, ...line }, Number(values.unit), ports));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void meter.stop().then(() => process.exit(0)));
  process.stdout.write(
    values.json === true
      ? `${JSON.stringify({ event: 'ready', address: meter.address })}\n`
      : `A simulated energy meter answers at ${meter.address}. Stop it with Ctrl+C.\n`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main().catch((thrown: unknown) => {
    process.stderr.write(`${EdgeError.from(thrown).message}\n`);
    process.exitCode = 1;
  });
