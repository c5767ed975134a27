import type { Log } from './log.js';
import { isLoopback } from './listen-address.js';

/**
 * A loud line for a door that more than this machine reaches, once, when it opens: what it is, how it
 * is protected, and how it is closed. Nothing is said of a door on loopback.
 */
export function sayExposed(
  log: Log,
  door: { readonly name: string; readonly host: string; readonly port: number },
  words: { readonly protection: string; readonly hint: string },
): void {
  if (isLoopback(door.host)) return;
  const { name, host, port } = door;
  log.warn('listening-beyond-this-machine', { door: name, host, port, ...words });
}
