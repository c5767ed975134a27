import { isIP } from 'node:net';
import { EdgeError } from '#protocol/errors.js';
import { FORWARD_LIMITS } from './limits.js';

export type Carriage = 'tcp' | 'udp';

/** What a gateway may be asked to reach. */
export interface Target {
  readonly carriage: Carriage;
  /** Name or address, without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
}

/** Reads `127.0.0.1:80`, `[::1]:80` or `udp:10.0.0.5:161`; TCP unless said. Throws EDGE_CONFIG. */
export function readTarget(text: string): Target {
  const carriage = text.startsWith('udp:') ? 'udp' : 'tcp';
  const rest = text.replace(/^(?:tcp|udp):/, '');
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(rest);
  const target = {
    carriage,
    host: match?.[1] ?? match?.[2] ?? '',
    port: Number(match?.[3]),
  } as const;
  if (match === null || !isTarget(target) || (match[1] !== undefined && isIP(target.host) !== 6))
    throw new EdgeError('EDGE_CONFIG', `${text.slice(0, 300)} is not a target.`, {
      hint: 'Write host:port, or udp:host:port.',
    });
  return target;
}

/** As `readTarget` reads it. */
export function targetText({ carriage, host, port }: Target): string {
  const prefix = carriage === 'udp' ? 'udp:' : '';
  return `${prefix}${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export function isTarget({ host, port }: Target): boolean {
  return (
    /^[A-Za-z0-9._:-]+$/.test(host) &&
    host.length <= FORWARD_LIMITS.hostBytes &&
    Number.isInteger(port) &&
    port > 0 &&
    port < 65_536
  );
}

/** Both ends listed: `LOCAL_HOST:PORT:TARGET_HOST:PORT`, as ssh -L has it. Throws EDGE_CONFIG. */
export function readForward(text: string): { readonly listen: Target; readonly target: Target } {
  const prefix = text.startsWith('udp:') ? 'udp:' : '';
  const match = /^(.+?:\d{1,5}):(.+)$/.exec(text.slice(prefix.length));
  const [, listen = '', target = ''] = match ?? [];
  return { listen: readTarget(prefix + listen), target: readTarget(prefix + target) };
}

export function isAllowed(target: Target, allowed: readonly Target[]): boolean {
  return allowed.some(
    ({ carriage, host, port }) =>
      carriage === target.carriage &&
      port === target.port &&
      host.toLowerCase() === target.host.toLowerCase(),
  );
}
