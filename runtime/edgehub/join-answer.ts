import { createPrivateKey, X509Certificate } from 'node:crypto';
import { EdgeError } from '#protocol/errors.js';
import type { JoinAnswer } from '#protocol/join.js';
import { certifiedNode } from '#tunnel/transport.js';
import { pinOf } from './join-exchange.js';

/**
 * What to keep of an answer. The hub must have certified our key for our name, under the pinned
 * authority. Throws EDGE_CERTIFICATE.
 */
export function judgeAnswer(
  answer: JoinAnswer,
  expected: { readonly pin: string; readonly node: string },
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
    if (pinOf(authority) !== expected.pin) throw refuse('its authority is not the pinned one');
    const { name } = certifiedNode(certificate, [authority]);
    if (name !== expected.node) throw refuse(`it certifies ${name}`);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw refuse('it is for another key');
    // Written anew from what was parsed: nothing that was not judged gets into our files.
    return { certificate: certificate.toString(), authority: authority.toString() };
  } catch (cause) {
    if (cause instanceof EdgeError && cause.code === 'EDGE_CERTIFICATE') throw cause;
    throw refuse('a certificate in it is not acceptable', cause);
  }
}
