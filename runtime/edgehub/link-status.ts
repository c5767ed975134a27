import type { Connection, ConnectionStats } from '#tunnel/transport.js';

/** What a transport knows of its link: round trip in milliseconds, shares where it can tell. Counts of this connection. */
export type LinkStatus = Pick<
  ConnectionStats,
  'rttMs' | 'silentMs' | 'loss' | 'lossIn' | 'redundancy' | 'sentPerDelivered' | 'moves' | 'dropped'
>;

/** Nothing before the round trip is measured. */
export function linkOf(connection: Connection | undefined): { readonly link?: LinkStatus } {
  const stats: Partial<ConnectionStats> = connection?.stats() ?? {};
  const { rttMs, silentMs, loss, lossIn, redundancy, sentPerDelivered, moves, dropped } = stats;
  if (rttMs === undefined) return {};
  return {
    link: {
      rttMs,
      ...(silentMs === undefined ? {} : { silentMs }),
      ...(loss === undefined ? {} : { loss }),
      ...(lossIn === undefined ? {} : { lossIn }),
      ...(redundancy === undefined ? {} : { redundancy }),
      ...(sentPerDelivered === undefined ? {} : { sentPerDelivered }),
      ...(moves === undefined ? {} : { moves }),
      ...(dropped === undefined ? {} : { dropped }),
    },
  };
}
