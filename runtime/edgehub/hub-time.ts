import { verify, type X509Certificate } from 'node:crypto';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { TIME_PATH, timeStatement, type TimeRequest } from '#protocol/join.js';
import type { Random } from '#protocol/random.js';
import { isExpiry, shownWith, trustOf } from '#tunnel/transport.js';
import { askHub, rootsOf, textOf, type HubAnswer, type HubQuestion } from './join-exchange.js';

const NONCE_BYTES = 16;

/**
 * The time of the hub's authority, milliseconds since 1970. For a gateway by whose clock the hub's
 * certificate has expired: name, usage and issuer are judged as ever, and the time must be signed by
 * the key that issues, over a number that nobody knew before. Whoever has stolen a certificate of
 * the hub, and waited until it expired, cannot say that it has not. Rejects as `askHub` does.
 */
export async function hubTime(
  { hub, trust }: Pick<HubQuestion, 'hub' | 'trust'>,
  clock: Clock,
  random: Random,
): Promise<number> {
  const nonce = Buffer.from(random.bytes(NONCE_BYTES)).toString('hex');
  const body = { nonce } satisfies TimeRequest;
  const answer = await askHub({ hub, trust, path: TIME_PATH, body }, clock, -Infinity);
  const wallMs = answer.fields.get('wallMs');
  const signature = Buffer.from(textOf(answer, 'signature'), 'base64');
  if (typeof wallMs !== 'number' || !Number.isSafeInteger(wallMs)) throw notSigned();
  const statement = timeStatement(nonce, wallMs);
  const { issuers } = trustOf(
    shownWith(answer.certificate).slice(1),
    rootsOf(trust, answer.certificate),
  );
  const isSigned = issuers.some(
    ({ certificate, untilMs }) =>
      wallMs <= untilMs && isSignedBy(certificate, statement, signature),
  );
  if (!isSigned) throw notSigned();
  return wallMs;
}

/** As `askHub`, by this machine's clock; where that is wrong, by the time of the authority. */
export async function askHubByTrueTime(
  question: HubQuestion,
  clock: Clock,
  random: Random,
): Promise<HubAnswer> {
  try {
    return await askHub(question, clock, clock.wallTime());
  } catch (thrown) {
    if (!isExpiry(thrown)) throw thrown;
    const nowMs = await hubTime(question, clock, random).catch(() => undefined);
    if (nowMs === undefined) throw thrown;
    return askHub(question, clock, nowMs);
  }
}

function isSignedBy(
  { publicKey }: X509Certificate,
  statement: Uint8Array,
  signature: Uint8Array,
): boolean {
  return publicKey.asymmetricKeyType === 'ec' && verify('sha256', statement, publicKey, signature);
}

function notSigned(): EdgeError {
  return new EdgeError('EDGE_CERTIFICATE', 'The hub’s time is not signed by its authority.', {
    hint: 'Set the clock of this machine; if it is right, this is not the hub.',
  });
}
