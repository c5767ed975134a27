import { sleep, type Clock } from '#protocol/clock.js';
import type { Device } from '#protocol/device.js';
import { Framer } from '#mappers/serial/framer.js';
import { readSettings } from '#mappers/serial/settings.js';
import { serialLink } from '#mappers/serial-port.js';
import type { HeardExchange } from './line-tap.js';

/** Frames that are kept: the sentences of a receiver come in turn, and each may hold other properties. */
const FRAMES = 8;
const LISTEN_MS = 12_000;

/** What a serial sensor says, by itself or to its request; empty when nothing whole is heard. */
export async function hearSensor(
  device: Device,
  clock: Clock,
): Promise<readonly (HeardExchange | { readonly reply: Uint8Array })[]> {
  const { settings } = await readSettings(device);
  if (settings?.line.kind !== 'port') return [];
  const { request, framing, checksum } = settings;
  const framer = new Framer(framing.match, checksum);
  const frames: Uint8Array[] = [];
  const enough = new AbortController();
  const take = (more: readonly Uint8Array[]): void => {
    frames.push(...more);
    if (frames.length >= (request === undefined ? FRAMES : 1)) enough.abort();
  };
  const link = serialLink(
    settings.line,
    clock,
  )({
    opened: () => request !== undefined && link.send(request),
    received: (bytes) => take(framer.push(bytes)),
    closed: () => enough.abort(),
  });
  await sleep(clock, 'listening', LISTEN_MS, enough.signal);
  await link.close();
  const replies = frames.map((frame) => Uint8Array.from(frame));
  return request === undefined
    ? replies.slice(0, FRAMES).map((reply) => ({ reply }))
    : replies.slice(0, 1).map((reply) => ({ request, reply }));
}
