import { EdgeError } from '#protocol/errors.js';

/** Where a hub's door is, whatever transport knocks. */
export interface HubAddress {
  /** Without the brackets of an IPv6 literal. */
  readonly host: string;
  readonly port: number;
}

/** Reads `wss://host:port`, the port being 443 when absent. Throws EDGE_CONFIG. */
export function readHubUrl(text: string): HubAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const rest = url && url.pathname + url.search + url.hash + url.username + url.password;
  if (url?.protocol !== 'wss:' || rest !== '/')
    throw new EdgeError('EDGE_CONFIG', 'The hub’s address is not like wss://host:port.');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? 443 : Number(url.port),
  };
}
