import type { Connection, ConnectionStats } from '#tunnel/transport.js';

/** What a transport knows of its link: round trip in milliseconds, shares where it can tell. */
export type LinkStatus = Pick<ConnectionStats, 'rttMs' | 'loss' | 'redundancy'>;

/** Nothing before the round trip is measured. */
export function linkOf(connection: Connection | undefined): { readonly link?: LinkStatus } {
  const { rttMs, loss, redundancy } = connection?.stats() ?? {};
  if (rttMs === undefined) return {};
  return {
    link: {
      rttMs,
      ...(loss === undefined ? {} : { loss }),
      ...(redundancy === undefined ? {} : { redundancy }),
    },
  };
}
