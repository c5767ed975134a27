import { EdgeError } from './errors.js';

/** Where a program listens. */
export interface ListenAddress {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Reads `127.0.0.1:7080`, `[::1]:7080`, `localhost:0`. Throws EDGE_USAGE. */
export function parseListenAddress(text: string): ListenAddress {
  const parts = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9.-]{1,253})):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host === undefined || port > 65_535)
    throw new EdgeError('EDGE_USAGE', `${text} is not HOST:PORT`, {
      hint: 'Write it as 127.0.0.1:7080, [::1]:7080 or 0.0.0.0:7080.',
    });
  return { host, port };
}

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' ||
    host === '::1' ||
    /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
  );
}

/** True for a Host header (RFC 9110 section 7.2) that names this machine's loopback. */
export function isLoopbackHost(header: string): boolean {
  const host = header.replace(/:\d{1,5}$/, '').toLowerCase();
  return host.endsWith('.localhost') || isLoopback(host.replace(/^\[(.*)\]$/, '$1'));
}
