import type { MetricFamily } from './api/metrics.js';
import type { Health } from './api/service-routes.js';
import type { AuthorityConcern } from './enrolment/authority-concern.js';
import type { Authority } from './enrolment/authority.js';
import { lifeOf } from './enrolment/keys.js';

/** A hub whose authority has ended lets nobody in; one whose authority ends soon says so in time. */
export function healthOf(concern: AuthorityConcern | undefined): Required<Health> {
  if (concern === undefined || concern.when === 'due') return { alarms: [], warnings: [] };
  const said = { code: 'EDGE_CERTIFICATE', message: `${concern.message} ${concern.hint}` };
  const isOver = concern.when === 'over';
  return { alarms: isOver ? [said] : [], warnings: isOver ? [] : [said] };
}

/** When the certificates of the authority end, in seconds since 1970, for alerts of one's own. */
export function authorityMetrics(
  authority: Pick<Authority, 'certificate' | 'issuer'>,
): readonly MetricFamily[] {
  const { certificate: root, issuer: issuing } = authority;
  const samples = Object.entries({ root, issuing }).map(([which, pem]) => ({
    labels: { certificate: which },
    value: Math.floor(lifeOf(pem).untilMs / 1_000),
  }));
  const help = 'When certificates of the hub’s authority end, seconds since 1970.';
  return [{ name: 'edgetwin_hub_authority_until_seconds', help, type: 'gauge', samples }];
}
