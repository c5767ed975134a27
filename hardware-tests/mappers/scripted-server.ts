import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { frameRtu } from '#mappers/modbus/adu.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import type { ModbusRequest } from '#mappers/modbus/frame.js';
import type { BusOutcome } from '#mappers/modbus/job.js';
import { busOf } from '#mappers/modbus/transport.js';

/** One request as the slave sees it, with all that a slave can do about it. */
export interface Asked {
  /** Counted from 0 over all connections. */
  readonly nth: number;
  readonly frame: Uint8Array;
  readonly unit: number;
  readonly offset: number;
  readonly socket: Socket;
  readonly send: (...parts: readonly Uint8Array[]) => void;
  readonly after: (delayMs: number, ...parts: readonly Uint8Array[]) => void;
  /** A reply of registers, each holding its own address, as the request asks for it. */
  readonly good: Uint8Array;
  /** A reply with this unit, function code and data. */
  readonly reply: (unit: number, pdu: readonly number[]) => Uint8Array;
}

export interface Scripted {
  readonly runner: BusRunner;
  readonly port: number;
  read(offset: number, unit?: number, count?: number): Promise<BusOutcome>;
  ask(request: ModbusRequest): Promise<BusOutcome>;
  close(): Promise<void>;
}

/** Long enough for a slave in a busy process, so that only silence means silence. */
export const TIMEOUT_MS = 1_000;

/** A master of ours on a real socket, and a slave that does what the test says. */
export async function scripted(
  transport: 'tcp' | 'rtu-over-tcp',
  answer: (asked: Asked) => void,
): Promise<Scripted> {
  let nth = 0;
  const sockets = new Set<Socket>();
  const isRtu = transport === 'rtu-over-tcp';
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let held: Uint8Array = new Uint8Array(0);
    socket.on('data', (bytes) => {
      held = Uint8Array.from([...held, ...bytes]);
      for (;;) {
        const length = isRtu ? held.length : 6 + (held[5] ?? 0);
        if (held.length < (isRtu ? 4 : 7) || held.length < length) break;
        const frame = held.slice(0, length);
        held = held.slice(length);
        answer(askedOf(frame, nth++, isRtu, socket));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const settings = { transport, host: '127.0.0.1', tcpPort: port, baudRate: 115_200 } as const;
  const { bus, open } = busOf(settings, systemClock);
  const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
  const runner = new BusRunner(bus, open, ports);
  const ask = (request: ModbusRequest): Promise<BusOutcome> => {
    const priority = request.op === 'read' ? 'poll' : 'write';
    return runner.request(request, { priority, timeoutMs: TIMEOUT_MS });
  };
  return {
    runner,
    port,
    ask,
    read: (offset, unit = 1, count = 1) =>
      ask({ op: 'read', unit, kind: 'holding', offset, count }),
    close: async () => {
      await runner.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function askedOf(frame: Uint8Array, nth: number, isRtu: boolean, socket: Socket): Asked {
  const at = isRtu ? 0 : 6;
  const word = (from: number): number => ((frame[from] ?? 0) << 8) | (frame[from + 1] ?? 0);
  const unit = frame[at] ?? 0;
  const offset = word(at + 2);
  const reply = (as: number, pdu: readonly number[]): Uint8Array =>
    isRtu
      ? frameRtu(as, Uint8Array.from(pdu))
      : Uint8Array.from([...frame.slice(0, 4), 0, pdu.length + 1, as, ...pdu]);
  const words = Array.from({ length: Math.min(125, word(at + 4)) }, (_, index) => offset + index);
  const bytes = words.flatMap((value) => [(value >> 8) & 0xff, value & 0xff]);
  const isWrite = frame[at + 1] === 6;
  const pdu = isWrite ? [...frame.slice(at + 1, at + 6)] : [3, bytes.length, ...bytes];
  const send = (...parts: readonly Uint8Array[]): void => {
    if (socket.writable) socket.write(Uint8Array.from(parts.flatMap((part) => [...part])));
  };
  const after = (delayMs: number, ...parts: readonly Uint8Array[]): void =>
    void systemClock.setTimer('late', delayMs, () => send(...parts));
  return { nth, frame, unit, offset, socket, send, after, good: reply(unit, pdu), reply };
}
