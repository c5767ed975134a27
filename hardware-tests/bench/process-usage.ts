import { readFileSync } from 'node:fs';

/** What the kernel says of a process (proc(5)): memory in MB, CPU in milliseconds. */
export interface ProcessUsage {
  readonly rssMb: number;
  /** Highest RSS since the start, or since `resetPeak`. */
  readonly peakMb: number;
  readonly anonymousMb: number;
  readonly cpuMs: number;
}

/** Clock ticks per second of /proc/PID/stat on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export function processUsage(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name may hold spaces and parentheses; fields count from the last one.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    rssMb: megabytes('VmRSS'),
    peakMb: megabytes('VmHWM'),
    anonymousMb: megabytes('RssAnon'),
    cpuMs: (ticks * 1000) / TICKS_PER_SECOND,
  };
}
