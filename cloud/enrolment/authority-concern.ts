import { lifeOf } from './keys.js';
import { CERTIFICATE_LIVES as LIVES } from './limits.js';

/** What of the hub's authority ends, and what a person does about it. */
export interface AuthorityConcern {
  readonly which: 'issuing' | 'root';
  /** Milliseconds since 1970. */
  readonly untilMs: number;
  /** `soon`: within the time that is left to bring a key that is put away; `over`: it has ended. */
  readonly when: 'due' | 'soon' | 'over';
  readonly message: string;
  readonly hint: string;
}

const HINTS = {
  issuing:
    'Bring the key of the root: edgetwin-hub authority new-issuing --root-key FILE. Gateways notice nothing.',
  root: 'Begin the next root: edgetwin-hub authority rotate begin; finish when the gateways have learnt it.',
} as const;

/**
 * The certificate that is due, of the root and of the issuing key (PEM; the same where the root
 * certifies by itself). A new issuing key cannot outlive its root, so near the root's end only the
 * root is a concern. Pure; `nowMs` is milliseconds since 1970.
 */
export function concernOf(
  { root, issuer }: { readonly root: string; readonly issuer: string },
  nowMs: number,
): AuthorityConcern | undefined {
  const rootUntilMs = lifeOf(root).untilMs;
  if (nowMs > rootUntilMs - LIVES.rootNoticeMs) return concern('root', rootUntilMs, nowMs);
  const { fromMs, untilMs } = lifeOf(issuer);
  if (issuer === root || nowMs < fromMs + (untilMs - fromMs) * LIVES.renewAfter) return undefined;
  return concern('issuing', untilMs, nowMs);
}

function concern(
  which: AuthorityConcern['which'],
  untilMs: number,
  nowMs: number,
): AuthorityConcern {
  const leftMs = untilMs - nowMs;
  const when = leftMs <= 0 ? 'over' : leftMs < LIVES.soonMs ? 'soon' : 'due';
  const what = which === 'root' ? 'The root' : 'The issuing key';
  const days = Math.floor(Math.abs(leftMs) / LIVES.dayMs);
  const message =
    when === 'over' ? `${what} ended ${days} days ago.` : `${what} ends in ${days} days.`;
  return { which, untilMs, when, message, hint: HINTS[which] };
}
