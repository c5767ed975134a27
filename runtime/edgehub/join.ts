import { createPrivateKey, X509Certificate } from 'node:crypto';
import { systemClock, type Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { decodeJoinToken, type JoinAnswer, type JoinToken } from '#protocol/join.js';
import { systemRandom, type Random } from '#protocol/random.js';
import { certifiedNode } from '#tunnel/transport.js';
import { certificationRequest } from './csr.js';
import { IdentityFiles, type NodeIdentity } from './identity-files.js';
import { exchangeToken, pinOf } from './join-exchange.js';

export interface JoinOptions {
  /** The line that the hub printed. */
  readonly token: string;
  /** Where the identity is kept. */
  readonly dataDir: string;
  /** The name in this gateway's configuration; the token must be for it. */
  readonly node: string;
  /** Replaces an identity that is there. */
  readonly force?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Makes this gateway a node of the hub that made the token. May be repeated with the same token
 * after any failure: a lost answer or a power cut costs nothing. Rejects with EDGE_TOKEN,
 * EDGE_CERTIFICATE (another hub, or an identity that would be overwritten), EDGE_CONNECTION,
 * EDGE_TIMEOUT, EDGE_STORAGE, or what the hub refused it with.
 */
export async function join(options: JoinOptions): Promise<{ hub: string; node: string }> {
  const { dataDir, node, clock = systemClock, random = systemRandom } = options;
  const token = decodeJoinToken(options.token);
  if (token.node !== node)
    throw new EdgeError('EDGE_TOKEN', `The token is for ${token.node}, this gateway is ${node}.`, {
      hint: 'Make a token for this name, or change the name in the configuration.',
    });
  const files = new IdentityFiles(dataDir, random);
  if (options.force !== true) await refuseToOverwrite(files);
  const key = await files.stagedKey();
  const csr = certificationRequest(createPrivateKey(key), node);
  const answer = await exchangeToken(token, csr, clock);
  await files.adopt({ ...judge(answer, token, key), hub: token.hub, node });
  return { hub: token.hub, node };
}

/**
 * The identity that a join left, or undefined before the first. Rejects with EDGE_CERTIFICATE when
 * it is damaged, EDGE_STORAGE when it cannot be read.
 */
export function loadIdentity(
  dataDir: string,
  random: Random = systemRandom,
): Promise<NodeIdentity | undefined> {
  return new IdentityFiles(dataDir, random).load();
}

async function refuseToOverwrite(files: IdentityFiles): Promise<void> {
  const present = await files.load();
  if (present === undefined) return;
  throw new EdgeError('EDGE_CERTIFICATE', `This gateway is ${present.node} of ${present.hub}.`, {
    hint: 'Use --force to join again; its present certificate then stops working.',
    remote: false,
  });
}

/** The hub must have certified our key for our name, under the authority that the token pins. */
function judge(
  answer: JoinAnswer,
  token: JoinToken,
  key: string,
): { certificate: string; authority: string } {
  const refuse = (why: string, cause?: unknown): EdgeError =>
    new EdgeError('EDGE_CERTIFICATE', `The hub’s answer cannot be used: ${why}.`, {
      ...(cause === undefined ? {} : { cause }),
      hint: 'Update the hub or the gateway; then make a new token.',
    });
  try {
    const authority = new X509Certificate(answer.authority);
    const certificate = new X509Certificate(answer.certificate);
    if (pinOf(authority) !== token.pin) throw refuse('its authority is not the pinned one');
    const { name } = certifiedNode(certificate, [authority]);
    if (name !== token.node) throw refuse(`it certifies ${name}`);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw refuse('it is for another key');
    // Written anew from what was parsed: nothing that was not judged gets into our files.
    return { certificate: certificate.toString(), authority: authority.toString() };
  } catch (cause) {
    if (cause instanceof EdgeError && cause.code === 'EDGE_CERTIFICATE') throw cause;
    throw refuse('a certificate in it is not acceptable', cause);
  }
}
