/**
 * The load generator, the same for every broker: one publisher, `fan` subscribers, a window of
 * messages under way. Messages have one size, so a subscriber counts bytes. Prints one line of
 * JSON. Runs as a child of bench/broker.ts.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import mqtt from 'mqtt-packet';
import { cpuMicros, pause } from './process-figures.js';

export interface LoadOptions {
  readonly port: number;
  readonly brokerPid: number;
  readonly qos: 0 | 1;
  readonly fan: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly payloadBytes: number;
  /** Messages sent and not yet received by the slowest subscriber. */
  readonly window: number;
}

export interface LoadResult {
  readonly messages: number;
  readonly seconds: number;
  readonly brokerCpuMicros: number;
  /** CPU of this generator itself: at 1 it, not the broker, was the limit. */
  readonly generatorShare: number;
}

const TOPIC = 'bench/topic';
/** Messages encoded together; ids are patched in. */
const BLOCK = 50;

class Subscriber {
  received = 0;
  readonly #socket: Socket;
  readonly #size: number;
  readonly #qos: number;
  #partial: Buffer = Buffer.alloc(0);
  #partialBytes = 0;

  constructor(socket: Socket, size: number, qos: number, onReceived: () => void) {
    this.#socket = socket;
    this.#size = size;
    this.#qos = qos;
    socket.on('data', (chunk: Buffer) => {
      if (this.#qos === 0) this.#count(chunk.length);
      else this.#acknowledge(chunk);
      onReceived();
    });
  }

  #count(bytes: number): void {
    this.#partialBytes += bytes;
    this.received += Math.floor(this.#partialBytes / this.#size);
    this.#partialBytes %= this.#size;
  }

  #acknowledge(chunk: Buffer): void {
    const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk]);
    const whole = Math.floor(bytes.length / this.#size);
    const acks = Buffer.allocUnsafe(whole * 4);
    const idAt = 2 + 2 + TOPIC.length;
    for (let index = 0; index < whole; index++) {
      const at = index * this.#size + idAt;
      acks[index * 4] = 0x40;
      acks[index * 4 + 1] = 2;
      acks[index * 4 + 2] = bytes[at] ?? 0;
      acks[index * 4 + 3] = bytes[at + 1] ?? 0;
    }
    if (whole > 0) this.#socket.write(acks);
    this.received += whole;
    this.#partial = bytes.subarray(whole * this.#size);
  }
}

async function client(port: number, id: string): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  socket.write(
    mqtt.generate({ cmd: 'connect', clientId: id, protocolVersion: 4, clean: true, keepalive: 0 }),
  );
  await once(socket, 'data');
  return socket;
}

function block(qos: 0 | 1, payloadBytes: number): { bytes: Buffer; size: number } {
  const payload = Buffer.alloc(payloadBytes, 'x');
  const ids = qos === 0 ? {} : { messageId: 1 };
  const one = mqtt.generate({
    cmd: 'publish',
    topic: TOPIC,
    payload,
    qos,
    dup: false,
    retain: false,
    ...ids,
  });
  return { bytes: Buffer.concat(Array.from({ length: BLOCK }, () => one)), size: one.length };
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  const { port, brokerPid, qos, fan, warmUpMs, measureMs, payloadBytes, window } = options;
  const { bytes, size } = block(qos, payloadBytes);
  const publisher = await client(port, 'publisher');
  let acknowledged = 0;
  let sent = 0;
  let stopped = false;
  const subscribers: Subscriber[] = [];
  const slowest = (): number => Math.min(...subscribers.map(({ received }) => received));
  const pump = (): void => {
    while (!stopped && sent - slowest() < window && (qos === 0 || sent - acknowledged < window)) {
      if (qos === 1) stampIds(bytes, size, sent);
      publisher.write(qos === 1 ? Buffer.from(bytes) : bytes);
      sent += BLOCK;
    }
  };
  for (let index = 0; index < fan; index++) {
    const socket = await client(port, `subscriber${index}`);
    socket.write(
      mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: TOPIC, qos }] }),
    );
    await once(socket, 'data');
    subscribers.push(new Subscriber(socket, size, qos, pump));
  }
  publisher.on('data', (chunk: Buffer) => {
    acknowledged += chunk.length / 4;
    pump();
  });
  pump();
  await pause(warmUpMs);
  const from = { at: performance.now(), messages: slowest(), cpu: process.cpuUsage() };
  const brokerFrom = cpuMicros(brokerPid);
  await pause(measureMs);
  const seconds = (performance.now() - from.at) / 1000;
  const { user, system } = process.cpuUsage(from.cpu);
  const brokerCpuMicros = cpuMicros(brokerPid) - brokerFrom;
  stopped = true;
  const messages = slowest() - from.messages;
  const generatorShare = (user + system) / 1e6 / seconds;
  return { messages, seconds, brokerCpuMicros, generatorShare };
}

function stampIds(bytes: Buffer, size: number, sent: number): void {
  for (let index = 0; index < BLOCK; index++)
    bytes.writeUInt16BE(((sent + index) % 65_535) + 1, index * size + 4 + TOPIC.length);
}

if (process.argv[1]?.endsWith('broker-load.js') === true) {
  const result = await load(JSON.parse(process.argv[2] ?? '') as LoadOptions);
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
}
