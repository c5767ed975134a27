/** What the kernel knows of another process. Linux. */
import { readFileSync } from 'node:fs';

const MICROS_PER_TICK = 10_000;

/** Microseconds of CPU that a process has used, all its threads. */
export function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
}

/** What the kernel says of a process (proc(5)): memory in MB, CPU in milliseconds. */
export interface ProcessUsage {
  readonly rssMb: number;
  /** Highest RSS since the start, or since `resetPeak`. */
  readonly peakMb: number;
  readonly anonymousMb: number;
  readonly cpuMs: number;
}

export function processUsage(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return {
    rssMb: megabytes('VmRSS'),
    peakMb: megabytes('VmHWM'),
    anonymousMb: megabytes('RssAnon'),
    cpuMs: cpuMicros(pid) / 1000,
  };
}

export function rssMegabytes(pid: number): number {
  return processUsage(pid).rssMb;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
