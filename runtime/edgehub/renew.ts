import { systemClock, type Clock } from '#protocol/clock.js';
import { RENEW_PATH, type RenewRequest } from '#protocol/join.js';
import { systemRandom, type Random } from '#protocol/random.js';
import { readChain, readTokenKey, trustOf, type Identity } from '#tunnel/transport.js';
import { requestFor } from './csr.js';
import { askHubByTrueTime } from './hub-time.js';
import { IdentityFiles, type NodeIdentity } from './identity-files.js';
import { judgeAnswer } from './join-answer.js';
import { textOf } from './join-exchange.js';

/** The part of a certificate's life after which the gateway asks for the next. */
const RENEW_AFTER = 2 / 3;

export interface RenewOptions {
  readonly dataDir: string;
  /** Overrides the hub's address that joining has kept. */
  readonly hub?: string | undefined;
  /** Renews at once, as when the hub says that the certificate has lapsed. */
  readonly force?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Asks the hub for the next certificate, of a new key unless it stays in a token, when two thirds of the present one's life
 * have passed. Resolves to the new identity, which is also on the disk; undefined: nothing to do,
 * or never joined. The present certificate stays good until it ends, so nothing is lost whenever
 * this fails: repeat it daily. Rejects as `join` does; EDGE_FORBIDDEN and EDGE_CERTIFICATE mean
 * that only a new token helps.
 */
export async function renewIdentity(options: RenewOptions): Promise<NodeIdentity | undefined> {
  const { dataDir, force = false, clock = systemClock, random = systemRandom } = options;
  const files = new IdentityFiles(dataDir, random);
  const present = await files.load();
  if (present === undefined) return undefined;
  const { identity, node } = present;
  if (!force && !isDue(identity, clock.wallTime())) return undefined;
  const hub = options.hub ?? present.hub;
  const roots = identity.authorities.flatMap(readChain);
  const isElsewhere = readTokenKey(identity.key) !== undefined;
  const key = isElsewhere ? identity.key : await files.stagedKey();
  const csr = requestFor(key, node);
  const body = { csr: csr.toString('base64') } satisfies RenewRequest;
  const question = { hub, trust: { roots }, path: RENEW_PATH, body, present: identity };
  const answer = await askHubByTrueTime(question, clock, random);
  const certificate = judgeAnswer(textOf(answer, 'certificate'), { roots, node, key });
  const authority = identity.authorities.join('');
  const own = isElsewhere ? { key } : {};
  await files.adopt({ ...own, certificate, authority, hub: present.hub, node });
  return files.load();
}

/** Its time has come, or its issuer is none of the trusted ones any more: the root was replaced. */
function isDue({ certificate, authorities }: Identity, wallMs: number): boolean {
  const [own, ...behind] = readChain(certificate);
  if (own === undefined) return false;
  const fromMs = Date.parse(own.validFrom);
  if (wallMs > fromMs + (Date.parse(own.validTo) - fromMs) * RENEW_AFTER) return true;
  const { issuers } = trustOf(behind, authorities.flatMap(readChain));
  return !issuers.some(({ certificate: issuer }) => own.checkIssued(issuer));
}
