import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { sleep, systemClock } from '#protocol/clock.js';
import type { Random } from '#protocol/random.js';
import type { Link } from '#mappers/link.js';
import { serialLink, type SerialSettings } from '#mappers/serial-port.js';
import { LINE_FAULTS, TCP_FAULTS, type Fault, type Piece } from './faults.js';

/** Half of the replies pass unharmed, so that recovering is seen as well. */
const UNHARMED = 0.5;

const unharmed: Fault = ({ reply }) => [{ afterMs: 0, bytes: reply }];

/** Draws a fault for each reply, and counts them. */
class FaultDraw {
  readonly counts: Record<string, number> = {};
  readonly #faults: readonly (readonly [string, Fault])[];
  readonly #random: Random;

  constructor(faults: Readonly<Record<string, Fault>>, random: Random) {
    this.#faults = Object.entries(faults);
    this.#random = random;
  }

  next(): Fault {
    const at = Math.floor(this.#random.unit() * this.#faults.length);
    const [name, fault] = this.#faults[at] ?? ['none', unharmed];
    const isUnharmed = this.#random.unit() < UNHARMED;
    const drawn = isUnharmed ? 'none' : name;
    this.counts[drawn] = (this.counts[drawn] ?? 0) + 1;
    return isUnharmed ? unharmed : fault;
  }
}

export interface FaultWire {
  /** How often each fault was drawn. */
  readonly counts: Readonly<Record<string, number>>;
  /** Where the master connects, on TCP. */
  readonly tcpPort: number;
  close(): Promise<void>;
}

/** Between two serial lines: the master at one, a slave at the other. */
export async function faultLine(
  masterSide: SerialSettings,
  slaveSide: SerialSettings,
  random: Random,
  faults = LINE_FAULTS,
): Promise<FaultWire> {
  const draw = new FaultDraw(faults, random);
  let request: Uint8Array = new Uint8Array(0);
  let reply: Uint8Array = new Uint8Array(0);
  let before: Uint8Array | undefined;
  const toMaster: { link?: Link } = {};
  const slave = await opened(slaveSide, (bytes) => {
    reply = Uint8Array.from([...reply, ...bytes]);
    const length = replyLength(reply);
    if (length === undefined || reply.length < length) return;
    const passing = { request, reply: reply.slice(0, length), before, random };
    before = passing.reply;
    reply = new Uint8Array(0);
    // A slave that was late by itself: another address on it would make it the answer to what is
    // asked now, with a checksum that fits, and nobody could tell.
    const pieces = (answers(request, passing.reply) ? draw.next() : unharmed)(passing);
    if (typeof pieces === 'string' || 'hang' in pieces) return;
    for (const { afterMs, bytes: piece } of pieces)
      if (afterMs === 0) toMaster.link?.send(piece);
      else systemClock.setTimer('fault', afterMs, () => toMaster.link?.send(piece));
  });
  const master = await opened(masterSide, (bytes) => {
    request = bytes.slice();
    reply = new Uint8Array(0);
    slave.send(bytes);
  });
  toMaster.link = master;
  const close = async (): Promise<void> => {
    await Promise.all([master.close(), slave.close()]);
  };
  return { counts: draw.counts, tcpPort: 0, close };
}

/** Before a TCP server: each connection of the master is one to the slave. */
export async function faultServer(
  slavePort: number,
  random: Random,
  faults = TCP_FAULTS,
): Promise<FaultWire> {
  const draw = new FaultDraw(faults, random);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (master) => {
    const slave = connect({ port: slavePort, host: '127.0.0.1', noDelay: true });
    for (const socket of [master, slave]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    master.on('data', (bytes) => slave.write(bytes));
    master.on('close', () => slave.destroy());
    slave.on('close', () => master.destroy());
    let held: Uint8Array = new Uint8Array(0);
    let before: Uint8Array | undefined;
    let isHanging = false;
    // A stream keeps its order: nothing comes between the pieces of a reply.
    let writing = Promise.resolve();
    const write = async (pieces: readonly Piece[]): Promise<void> => {
      let doneMs = 0;
      for (const { afterMs, bytes } of pieces) {
        if (afterMs > doneMs) await sleep(systemClock, 'fault', afterMs - doneMs);
        doneMs = afterMs;
        if (master.writable && !isHanging) master.write(bytes);
      }
    };
    slave.on('data', (bytes) => {
      held = Uint8Array.from([...held, ...bytes]);
      while (held.length >= 6 && held.length >= 6 + (held[5] ?? 0)) {
        const reply = held.slice(0, 6 + (held[5] ?? 0));
        held = held.slice(reply.length);
        const pieces = draw.next()({ request: reply, reply, before, random });
        before = reply;
        if (pieces === 'reset') master.resetAndDestroy();
        else if (pieces === 'half close') master.end();
        else if ('hang' in pieces)
          writing = writing.then(() => {
            if (master.writable && !isHanging) master.write(pieces.hang);
            isHanging = true;
          });
        else if (pieces.length === 1)
          // Whole, so it may overtake, but not cut in.
          void sleep(systemClock, 'fault', pieces[0]?.afterMs ?? 0).then(() => {
            writing = writing.then(() => write(pieces.map((piece) => ({ ...piece, afterMs: 0 }))));
          });
        else writing = writing.then(() => write(pieces));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { counts: draw.counts, tcpPort: (server.address() as AddressInfo).port, close };
}

function opened(settings: SerialSettings, received: (bytes: Uint8Array) => void): Promise<Link> {
  return new Promise((resolve, reject) => {
    const link = serialLink(
      settings,
      systemClock,
    )({ opened: () => resolve(link), received, closed: reject });
  });
}

/** By unit, function code and, of a read, the number of bytes. */
function answers(request: Uint8Array, reply: Uint8Array): boolean {
  const [unit, code = 0] = request;
  const isSized = code === 3 || code === 4;
  return unit === reply[0] && code === reply[1] && (!isSized || reply[2] === 2 * (request[5] ?? 0));
}

/** Of an RTU reply, by its first bytes. */
function replyLength(bytes: Uint8Array): number | undefined {
  const [, code, count] = bytes;
  if (code === undefined || count === undefined) return undefined;
  if ((code & 0x80) !== 0) return 5;
  return code <= 4 ? 5 + count : 8;
}
