import { fileURLToPath } from 'node:url';

/** A unit of systemd that ships with the package. */
export function unitPath(name: string): string {
  return fileURLToPath(new URL(`../../../docs/examples/${name}`, import.meta.url));
}
