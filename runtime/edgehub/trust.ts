import type { X509Certificate } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { ROOTS_MAX, TRUST_PATH, type TrustRequest } from '#protocol/join.js';
import type { Random } from '#protocol/random.js';
import { certifiedHub, isIssuing, readChain, spkiOf, trustOf } from '#tunnel/transport.js';
import { askHubByTrueTime } from './hub-time.js';
import type { NodeIdentity } from './identity-files.js';
import { pinOf, type HubAnswer } from './join-exchange.js';

/**
 * Which roots the hub wants this gateway to trust; undefined: those that it has. A root is taken
 * only when a trusted one certified it, and given up when the hub shows itself without it: whoever
 * has all keys of the hub but the root's can change nothing here. Rejects with EDGE_CERTIFICATE,
 * EDGE_MALFORMED, and as `askHub` does.
 */
export async function askForTrust(
  { identity, hub }: Pick<NodeIdentity, 'identity' | 'hub'>,
  clock: Clock,
  random: Random,
): Promise<readonly X509Certificate[] | undefined> {
  const roots = identity.authorities.flatMap(readChain);
  const pins = roots.map(pinOf);
  const body = { pins } satisfies TrustRequest;
  const question = { hub, trust: { roots }, path: TRUST_PATH, body, present: identity };
  const answer = await askHubByTrueTime(question, clock, random);
  const next = judgeTrust(answer, roots, new URL(hub).hostname.replace(/^\[(.*)\]$/, '$1'));
  return next.map(pinOf).join() === pins.join() ? undefined : next;
}

/** Throws EDGE_CERTIFICATE for what no trusted root vouches for, EDGE_MALFORMED. */
export function judgeTrust(
  answer: HubAnswer,
  present: readonly X509Certificate[],
  host: string,
): readonly X509Certificate[] {
  const [roots, links] = ['roots', 'links'].map((name) => certificatesIn(answer, name)) as [
    X509Certificate[],
    X509Certificate[],
  ];
  const known = trustOf(links, present).roots.map(({ certificate }) => spkiOf(certificate));
  for (const root of roots) {
    const isSound = root.ca && !isIssuing(root) && root.verify(root.publicKey);
    if (isSound && known.some((key) => key.equals(spkiOf(root)))) continue;
    throw new EdgeError('EDGE_CERTIFICATE', 'The hub names a root that no trusted one certified.', {
      hint: 'If its root was really replaced without one, join again with a new token.',
    });
  }
  // What is trusted from now on must cover the hub as it is now; its time was judged before.
  certifiedHub(answer.certificate, roots, host, -Infinity);
  return roots;
}

function certificatesIn({ fields }: HubAnswer, name: string): X509Certificate[] {
  const texts = fields.get(name);
  try {
    if (Array.isArray(texts) && texts.length <= 2 * ROOTS_MAX)
      return texts.flatMap((text) => readChain(String(text)).slice(0, 1));
  } catch {
    // Said below.
  }
  throw new EdgeError('EDGE_MALFORMED', 'The hub’s answer has no certificates of roots.');
}
