/**
 * How long the machine of the hub has been up, as a port: CLOCK_MONOTONIC counts on over restarts
 * of the hub while the boot id of the operating system is the same (Linux,
 * /proc/sys/kernel/random/boot_id). `offsetMs` added to the Clock of this process gives it.
 */
export interface Uptime {
  readonly osBoot: string;
  readonly offsetMs: number;
}

/** Of a machine that does not tell: ages end with the process. */
export function unknownUptime(hubBoot: string): Uptime {
  return { osBoot: hubBoot, offsetMs: 0 };
}
