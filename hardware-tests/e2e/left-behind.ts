import { readdirSync, readFileSync } from 'node:fs';

/**
 * Processes whose environment names the marker: what was started with it, and all that they
 * started. None left means no port left open either, because a port ends with its process.
 */
export function processesWith(marker: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(marker);
      } catch {
        return false;
      }
    });
}
