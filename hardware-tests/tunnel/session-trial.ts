import { seededRandom, type Random } from '#protocol/random.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import { SESSION_LIMITS } from '#tunnel/coded/session/limits.js';
import { Freight } from '#tunnel/coded/streams/freight.js';
import { CLASS_WINDOW_BYTES, STREAM_LIMITS } from '#tunnel/coded/streams/limits.js';
import type { Stream } from '#tunnel/coded/streams/stream.js';
import type { Priority } from '#tunnel/transport.js';
import type { LinkOptions } from './simulated-link.js';
import { SimulatedTunnel, type SimulatedEnd } from './simulated-session.js';

const PRIORITIES: readonly Priority[] = ['control', 'twin', 'samples', 'bulk'];
/** More than the window of a stream: the reader decides when the rest comes. */
const LONG_STREAM_BYTES = STREAM_LIMITS.windowBytes + 200_000;
const SHORT_STREAM_BYTES = 60_000;

export interface SessionTrial {
  /** Everything gets through from here on. */
  readonly calmFromMs: number;
  /** Of each end. */
  readonly messagesMax: number;
  /** Beside the messages a stream whose reader is slow, one in ten of them long. */
  readonly streams: boolean;
}

/**
 * Whole endpoints over a link as bad as a seed makes it: everything arrives once, nobody is lost,
 * and no memory exceeds its limit at any event. Says what went wrong, or that no session came
 * about, if anything did.
 */
export async function sessionTrial(
  seed: number,
  bench: Workbench,
  trial: SessionTrial,
): Promise<string | undefined> {
  const random = seededRandom(seed);
  const { calmFromMs } = trial;
  const link = linkMaker(random, calmFromMs);
  const s = new SimulatedTunnel({ seed, up: link(), down: link(), bench });
  const dial = s.dial();
  await s.run(15_000, () => dial.end !== undefined && s.accepted.length > 0);
  const [hub] = s.accepted;
  const node = dial.end;
  if (node === undefined || hub === undefined) return 'no session';
  const ends = [node, hub] as const;
  const drawn = (): number => 20 + Math.floor(random.unit() * (trial.messagesMax - 20));
  const counts = [drawn(), drawn()] as const;
  chatter(s, node, counts[0], 5 + random.unit() * 40, PRIORITIES[seed % 4] ?? 'twin');
  chatter(s, hub, counts[1], 5 + random.unit() * 40, 'control');
  const bytes = seed % 10 === 0 ? LONG_STREAM_BYTES : SHORT_STREAM_BYTES;
  const [writer, reader] = seed % 3 === 0 ? ends : ([hub, node] as const);
  const reading = trial.streams ? slowReading(s, random, writer, reader, bytes) : undefined;
  let wrong: string | undefined;
  await s.run(calmFromMs + 120_000, () => {
    wrong ??= overLimit(ends);
    if (wrong !== undefined) return true;
    const isRead = reading === undefined || reading.ended;
    return isRead && hub.messages.length + node.messages.length >= counts[0] + counts[1];
  });
  if (!isWhole(hub, counts[0]) || !isWhole(node, counts[1])) wrong ??= 'messages are missing';
  if (reading !== undefined && reading.bytes !== bytes)
    wrong ??= `${reading.bytes} of ${bytes} bytes of the stream`;
  if (reading?.changed === true) wrong ??= 'the stream was changed';
  if (node.reasons.length + hub.reasons.length > 0) wrong ??= 'a session was lost';
  for (const { connection } of ends) connection.close('lost');
  return wrong === undefined ? undefined : `seed ${seed}: ${wrong}`;
}

function linkMaker(random: Random, calmFromMs: number): () => LinkOptions {
  const roundTripMs = 20 + random.unit() * 400;
  return () => ({
    delayMs: roundTripMs / 2,
    jitterMs: random.unit() * 10,
    reorders: random.unit() < 0.3,
    calmFromMs,
    ...(random.unit() < 0.7 ? { loss: random.unit() * 0.4 } : {}),
    ...(random.unit() < 0.3 ? { fades: { goodMs: 500, badMs: 10 + random.unit() * 500 } } : {}),
    ...(random.unit() < 0.5 ? { rate: 50 + random.unit() * 1_200, queueBytes: 60_000 } : {}),
  });
}

/** Sends numbered messages as long as the connection takes them. */
function chatter(
  s: SimulatedTunnel,
  { connection }: SimulatedEnd,
  count: number,
  everyMs: number,
  priority: Priority,
): void {
  let sent = 0;
  const tick = (): void => {
    const message = new Uint8Array(200);
    new DataView(message.buffer).setUint32(0, sent);
    if (connection.send(message, priority)) sent++;
    if (sent < count) s.clock.setTimer('chatter', everyMs, tick);
  };
  tick();
}

function isWhole({ messages }: SimulatedEnd, count: number): boolean {
  const numbers = messages.map(({ bytes }) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(0),
  );
  return numbers.sort((a, b) => a - b).join() === [...Array(count).keys()].join();
}

interface Reading {
  bytes: number;
  ended: boolean;
  changed: boolean;
}

/** One stream of `bytes`, of which somebody reads some now and then. */
function slowReading(
  s: SimulatedTunnel,
  random: Random,
  writer: SimulatedEnd,
  reader: SimulatedEnd,
  bytes: number,
): Reading {
  const reading: Reading = { bytes: 0, ended: false, changed: false };
  const everyMs = 20 + random.unit() * 400;
  freightOf(reader)?.onStream((stream) => {
    const read = (): void => {
      take(stream, reading, Math.max(bytes / 20, 8_192));
      if (!stream.ended) s.clock.setTimer('read', everyMs, read);
      else {
        reading.ended = true;
        stream.end();
      }
    };
    read();
  });
  const stream = freightOf(writer)?.openStream();
  let written = 0;
  const write = (): void => {
    for (; written < bytes; written += 4_000)
      if (stream?.write(patterned(written, Math.min(4_000, bytes - written))) !== true) return;
    stream?.end();
  };
  stream?.listen({ readable: () => undefined, drained: write, failed: () => undefined });
  write();
  return reading;
}

function take(stream: Stream, reading: Reading, atMost: number): void {
  const until = reading.bytes + atMost;
  while (reading.bytes < until) {
    const piece = stream.read();
    if (piece === undefined) return;
    if (Buffer.compare(piece, patterned(reading.bytes, piece.length)) !== 0) reading.changed = true;
    reading.bytes += piece.length;
  }
}

/** Bytes that tell where in the stream they belong. */
function patterned(offset: number, length: number): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, index) => ((offset + index) * 31 + ((offset + index) >> 8)) & 255,
  );
}

export function freightOf({ connection }: SimulatedEnd): Freight | undefined {
  return connection.traffic instanceof Freight ? connection.traffic : undefined;
}

const UNREAD_MAX = STREAM_LIMITS.windowBytesMax + 2 * STREAM_LIMITS.blockBytes;
const QUEUED_MAX = SESSION_LIMITS.queueBytes + STREAM_LIMITS.unsentBytes;
const HALF_ARRIVED_MAX = Object.values(CLASS_WINDOW_BYTES).reduce((sum, bytes) => sum + bytes);

function overLimit(ends: readonly SimulatedEnd[]): string | undefined {
  for (const end of ends) {
    const status = freightOf(end)?.status;
    if (status === undefined) continue;
    if (status.unreadBytes > UNREAD_MAX) return `${status.unreadBytes} bytes unread`;
    if (status.queuedBytes > QUEUED_MAX) return `${status.queuedBytes} bytes queued`;
    if (status.halfArrivedBytes > HALF_ARRIVED_MAX)
      return `${status.halfArrivedBytes} half arrived`;
  }
  return undefined;
}
