import { readFile } from 'node:fs/promises';
import type { Clock } from '#protocol/clock.js';
import type { Uptime } from './uptime.js';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const NANOSECONDS_PER_MS = 1e6;

/** Undefined where the operating system does not tell. */
export async function readUptime(clock: Clock, path = BOOT_ID): Promise<Uptime | undefined> {
  try {
    const osBoot = (await readFile(path, 'utf8')).trim();
    const uptimeMs = Number(process.hrtime.bigint()) / NANOSECONDS_PER_MS;
    return osBoot === '' ? undefined : { osBoot, offsetMs: uptimeMs - clock.now() };
  } catch {
    return undefined;
  }
}
