import * as v from 'valibot';
import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import { Refusal } from '#protocol/problem.js';
import { isoTime } from '#protocol/twin-document.js';
import type { CertificateView } from '../enrolment/certificate-book.js';
import type { IdentityDesk } from '../enrolment/identity-desk.js';
import { route } from './route.js';
import type { Route } from './route.js';

const time = v.pipe(v.string(), v.description('RFC 3339, UTC, by the clock of the hub.'));

const TokenSchema = v.strictObject({
  id: v.string(),
  node: v.string(),
  created: v.exactOptional(time),
  expires: v.exactOptional(time),
  used: v.exactOptional(time),
});

const CertificateSchema = v.strictObject({
  serial: v.string(),
  node: v.string(),
  fingerprint: v.pipe(v.string(), v.description('SHA-256, hexadecimal.')),
  issued: v.exactOptional(time),
  expires: v.exactOptional(time),
  revoked: v.exactOptional(time),
  why: v.exactOptional(v.picklist(['replaced', 'revoked'])),
});

const RootsSchema = v.strictObject({
  pin: v.string(),
  nodes: v.array(v.strictObject({ node: v.string(), pins: v.array(v.string()) })),
});

/** Characters of a public key on P-256 (SPKI, DER) in base64, and some to spare. */
const KEY_CHARS = 256;

const CertifiedSchema = v.strictObject({
  node: v.string(),
  hub: v.string(),
  certificate: v.string(),
  authority: v.string(),
});

const RevocationSchema = v.strictObject({
  node: v.string(),
  certificates: v.number(),
  tokens: v.number(),
  sessions: v.number(),
});

const CertificateQuery = v.strictObject({
  node: v.exactOptional(v.pipe(v.string(), v.maxLength(LIMITS.nodeNameChars))),
});

/** Join tokens, certificates of nodes, and their end. */
export function identityRoutes(desk: IdentityDesk): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/tokens',
      access: 'admin',
      summary: 'The join tokens that have not expired; never their secrets.',
      answers: [
        {
          status: 200,
          summary: 'All tokens.',
          schema: v.strictObject({ tokens: v.array(TokenSchema) }),
        },
      ],
      handle: () => ({
        status: 200,
        body: {
          tokens: desk.tokens().map(({ id, node, createdAt, expiresAt, usedAt }) => ({
            ...{ id, node },
            ...times({ created: createdAt, expires: expiresAt, used: usedAt }),
          })),
        },
      }),
    }),
    route({
      method: 'DELETE',
      path: '/api/v1/tokens/{token}',
      access: 'admin',
      summary: 'Withdraws a join token. A node that joined with it stays.',
      answers: [{ status: 204, summary: 'Withdrawn.' }],
      handle: async ({ params, identity }) => {
        try {
          await desk.withdrawToken(params['token'] ?? '', actorOf(identity));
        } catch (thrown) {
          throw asMissing(EdgeError.from(thrown));
        }
        return { status: 204 };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/certificates',
      access: 'admin',
      summary: 'The certificates of nodes that the hub has in its records, oldest first.',
      query: CertificateQuery,
      answers: [
        {
          status: 200,
          summary: 'All, or those of one node.',
          schema: v.strictObject({ certificates: v.array(CertificateSchema) }),
        },
      ],
      handle: ({ query }) => ({
        status: 200,
        body: { certificates: desk.certificates(query.node).map(certificateDocument) },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/nodes/{node}/certificate',
      access: 'admin',
      summary: 'Certifies a key that was made for a node; its earlier certificates end.',
      body: v.strictObject({
        publicKey: v.pipe(v.string(), v.base64(), v.maxLength(KEY_CHARS)),
      }),
      answers: [{ status: 201, summary: 'What the gateway needs.', schema: CertifiedSchema }],
      handle: async ({ params, body, identity }) => {
        const key = Buffer.from(body.publicKey, 'base64');
        const made = await desk.certify(params['node'] ?? '', key, actorOf(identity));
        const { node, hub, certificate, authority } = made;
        return { status: 201, body: { node, hub, certificate, authority } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/roots',
      access: 'admin',
      summary: 'The root of the hub, and which roots the gateways said to trust, by hash.',
      answers: [{ status: 200, summary: 'One row for each node.', schema: RootsSchema }],
      handle: () => ({ status: 200, body: desk.roots() }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/nodes/{node}/revocation',
      access: 'admin',
      summary: 'Ends the certificates, the tokens and the live sessions of a node.',
      body: v.strictObject({ dryRun: v.exactOptional(v.boolean()) }),
      answers: [{ status: 200, summary: 'What has ended.', schema: RevocationSchema }],
      handle: async ({ params, body, identity }) => ({
        status: 200,
        body: await desk.revoke(params['node'] ?? '', actorOf(identity), body.dryRun === true),
      }),
    }),
  ];
}

function actorOf({ name }: { readonly name: string }): string {
  return `operator:${name}`;
}

/** Elsewhere this code is about a token that somebody shows. */
function asMissing(error: EdgeError): EdgeError {
  if (error.code !== 'EDGE_TOKEN') return error;
  const { code, message, hint } = error;
  return new Refusal(404, code, message, hint === undefined ? {} : { hint });
}

function certificateDocument(view: CertificateView): object {
  const { serial, node, fingerprint, issuedAt, untilMs, revoked } = view;
  return {
    ...{ serial, node, fingerprint },
    ...times({ issued: issuedAt, expires: untilMs, revoked: revoked?.at }),
    ...(revoked === undefined ? {} : { why: revoked.why }),
  };
}

function times(all: Readonly<Record<string, number | undefined>>): Record<string, string> {
  const known = Object.entries(all).flatMap(([name, ms]) => {
    const text = ms === undefined ? undefined : isoTime(ms);
    return text === undefined ? [] : [[name, text] as const];
  });
  return Object.fromEntries(known);
}
