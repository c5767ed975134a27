import { readFile } from 'node:fs/promises';
import type { Clock } from '#protocol/clock.js';

/**
 * How long this machine has been up, as a port: CLOCK_MONOTONIC counts on over restarts of the
 * program while the boot id of the operating system is the same (Linux,
 * /proc/sys/kernel/random/boot_id). `offsetMs` added to the Clock of this process gives it.
 */
export interface Uptime {
  readonly osBoot: string;
  readonly offsetMs: number;
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const NANOSECONDS_PER_MS = 1e6;

/** Of a machine that does not tell: ages end with the process. */
export function unknownUptime(boot: string): Uptime {
  return { osBoot: boot, offsetMs: 0 };
}

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
