import { systemClock, type Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { decodeJoinToken, JOIN_PATH, type JoinRequest } from '#protocol/join.js';
import { systemRandom, type Random } from '#protocol/random.js';
import { readChain } from '#tunnel/transport.js';
import { requestFor } from './csr.js';
import { askHubByTrueTime } from './hub-time.js';
import { IdentityFiles, type NodeIdentity } from './identity-files.js';
import { judgeAnswer } from './join-answer.js';
import { pinOf, textOf } from './join-exchange.js';

export interface JoinOptions {
  /** The line that the hub printed. */
  readonly token: string;
  /** Where the identity is kept. */
  readonly dataDir: string;
  /** The name in this gateway's configuration; the token must be for it. */
  readonly node: string;
  /** A key in a token (`tokenKeyText`); absent: one is made here and kept in a file. */
  readonly key?: string | undefined;
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
  const { key: given } = options;
  const key = given ?? (await files.stagedKey());
  const csr = requestFor(key, node);
  const { hub, pin, id, secret } = token;
  const body = { id, secret, csr: csr.toString('base64') } satisfies JoinRequest;
  const question = { hub, trust: { pin }, path: JOIN_PATH, body };
  const answer = await askHubByTrueTime(question, clock, random);
  const root = readChain(textOf(answer, 'authority')).find((shown) => pinOf(shown) === pin);
  if (root === undefined)
    throw new EdgeError('EDGE_CERTIFICATE', 'The hub’s answer lacks the pinned authority.', {
      hint: 'Make a new token at the hub.',
    });
  const certificate = judgeAnswer(textOf(answer, 'certificate'), { roots: [root], node, key });
  const own = given === undefined ? {} : { key: given };
  await files.adopt({ ...own, certificate, authority: String(root), hub, node });
  return { hub, node };
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
