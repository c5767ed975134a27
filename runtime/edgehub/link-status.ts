import type { Connection, ConnectionStats } from '#tunnel/transport.js';

/** What a transport knows of its link: round trip in milliseconds, shares where it can tell. */
export type LinkStatus = Pick<
  ConnectionStats,
  'rttMs' | 'loss' | 'lossIn' | 'redundancy' | 'sentPerDelivered'
>;

/** Nothing before the round trip is measured. */
export function linkOf(connection: Connection | undefined): { readonly link?: LinkStatus } {
  const { rttMs, loss, lossIn, redundancy, sentPerDelivered } = connection?.stats() ?? {};
  if (rttMs === undefined) return {};
  return {
    link: {
      rttMs,
      ...(loss === undefined ? {} : { loss }),
      ...(lossIn === undefined ? {} : { lossIn }),
      ...(redundancy === undefined ? {} : { redundancy }),
      ...(sentPerDelivered === undefined ? {} : { sentPerDelivered }),
    },
  };
}
