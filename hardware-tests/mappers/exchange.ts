import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { crc16, frameRtu } from '#mappers/modbus/adu.js';
import { isBits, word } from '#mappers/modbus/frame.js';
import { toWords, unpackBits } from '#mappers/modbus/words.js';
import type { Exchange } from '#mappers/templates/exchange.js';
import { answerOf, at, type Holdings } from '#mappers/tools/slave.js';

export interface Replay {
  readonly port: number;
  /** Hexadecimal, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** Bytes of the shortest request: of an identity. */
const SHORTEST = 7;

/** Milliseconds between two sayings of a sensor that talks by itself. */
const TALK_MS = 30;

/**
 * Answers on TCP as the device of an exchange did: byte for byte what it said to the same request.
 * A Modbus request of another part of the same registers is answered from them.
 */
export async function replay({ frames, writes }: Exchange, isModbus: boolean): Promise<Replay> {
  const answers = new Map<string, Uint8Array>();
  const talk = frames.filter(({ request }) => request === undefined);
  for (const { request, reply } of [...frames, ...writes])
    if (request !== undefined) answers.set(hex(request), reply);
  const holdings = isModbus ? holdingsOf(frames) : new Map<string, number>();
  const asked: string[] = [];
  const closers = new Set<() => void>();
  const server = createServer({ noDelay: true }, (socket) => {
    let held: Uint8Array = new Uint8Array(0);
    const say = (): void => talk.forEach(({ reply }) => socket.write(reply));
    const timer = talk.length > 0 ? setInterval(say, TALK_MS) : undefined;
    closers.add(() => {
      clearInterval(timer);
      socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearInterval(timer));
    socket.on('data', (bytes) => {
      held = Uint8Array.from([...held, ...bytes]);
      const length = held.length;
      if (isModbus && (length < SHORTEST || crc16(held, 0, length - 2) !== checksumOf(held)))
        return;
      const request = held;
      const known = answers.get(hex(request));
      if (!isModbus && known === undefined) return;
      held = new Uint8Array(0);
      asked.push(hex(request));
      const reply = known ?? frameRtu(request[0] ?? 0, answerOf(request.slice(1, -2), holdings));
      socket.write(reply);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    for (const close of closers) close();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, asked, stop };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function checksumOf(frame: Uint8Array): number {
  return (frame.at(-2) ?? 0) | ((frame.at(-1) ?? 0) << 8);
}

const KINDS = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' } as const;

/** The registers that the recorded replies show. */
export function holdingsOf(frames: Exchange['frames']): Holdings {
  const holdings: Holdings = new Map();
  for (const { request, reply } of frames) {
    const kind = KINDS[reply[1] as keyof typeof KINDS] as (typeof KINDS)[1 | 2 | 3 | 4] | undefined;
    if (request === undefined || kind === undefined) continue;
    const [from, count] = [word(request, 2), word(request, 4)];
    const data = reply.slice(3, -2);
    const words = isBits(kind) ? unpackBits(data, count) : toWords(data);
    words.forEach((value, index) => holdings.set(at(kind, from + index), value));
  }
  return holdings;
}
