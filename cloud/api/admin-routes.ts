import * as v from 'valibot';
import { LIMITS } from '#protocol/limits.js';
import { isoTime } from '#protocol/twin-document.js';
import type { Audit } from '../audit/audit-trail.js';
import { operatorDocument, OperatorSchema } from './documents.js';
import { API_LIMITS } from './limits.js';
import { ROLES } from './roles.js';
import { NODE_PATTERN } from './scope.js';
import { actorOf } from './operators.js';
import type { Operators } from './operators.js';
import { route } from './route.js';
import type { Route } from './route.js';

/** Makes a join token for one node, through the enrolment. Rejects as the enrolment does. */
export type CreateJoinToken = (request: {
  readonly node: string;
  readonly ttlMs: number;
}) => Promise<{ readonly token: string; readonly expiresAt: number }>;

const OperatorName = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9][a-z0-9._-]{0,62}$/),
  v.description('Lower case letters, digits, dots, dashes, underscores; at most 63.'),
);

const NodeName = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.nodeNameChars));

const NodeScope = v.pipe(
  v.array(v.pipe(v.string(), v.regex(NODE_PATTERN))),
  v.minLength(1),
  v.maxLength(API_LIMITS.scopeNodes),
  v.description('Only these gateways: names, or beginnings with * behind them.'),
);

const DEFAULT_TTL_HOURS = 24;
const HOUR_MS = 3_600_000;

/** Join tokens and operators. */
export function adminRoutes(
  operators: Operators,
  createJoinToken: CreateJoinToken,
  audit?: Audit,
): readonly Route[] {
  return [
    route({
      method: 'POST',
      path: '/api/v1/tokens',
      access: 'admin',
      summary: 'Makes a single-use token with which one node can join.',
      body: v.strictObject({
        node: NodeName,
        ttlHours: v.exactOptional(
          v.pipe(v.number(), v.minValue(1 / 60), v.maxValue(API_LIMITS.joinTokenHoursMax)),
        ),
      }),
      answers: [
        {
          status: 201,
          summary: 'The token, shown this once.',
          schema: v.strictObject({
            node: v.string(),
            token: v.string(),
            expires: v.exactOptional(v.string()),
          }),
        },
      ],
      handle: async ({ body, identity }) => {
        const ttlMs = (body.ttlHours ?? DEFAULT_TTL_HOURS) * HOUR_MS;
        const { token, expiresAt } = await createJoinToken({ node: body.node, ttlMs });
        const expires = isoTime(expiresAt);
        await audit?.record({
          ...{ actor: actorOf(identity), action: 'token.create', subject: body.node },
          ...{ node: body.node, after: { expires } },
        });
        const document = { node: body.node, token };
        return { status: 201, body: expires === undefined ? document : { ...document, expires } };
      },
    }),
    route({
      method: 'GET',
      path: '/api/v1/operators',
      access: 'admin',
      summary: 'Who may use this interface; never their tokens.',
      answers: [
        {
          status: 200,
          summary: 'All operators, by name.',
          schema: v.strictObject({ operators: v.array(OperatorSchema) }),
        },
      ],
      handle: () => ({
        status: 200,
        body: { operators: operators.list().map(operatorDocument) },
      }),
    }),
    route({
      method: 'POST',
      path: '/api/v1/operators',
      access: 'admin',
      summary: 'Makes an operator and its token.',
      body: v.strictObject({
        name: OperatorName,
        role: v.picklist(ROLES),
        nodes: v.exactOptional(NodeScope),
        ttlHours: v.exactOptional(
          v.pipe(v.number(), v.minValue(1 / 60), v.maxValue(API_LIMITS.operatorHoursMax)),
        ),
      }),
      answers: [
        {
          status: 201,
          summary: 'The operator with its token, shown this once.',
          schema: v.strictObject({ ...OperatorSchema.entries, token: v.string() }),
        },
      ],
      handle: async ({ body, identity }) => {
        const { name, role, nodes, ttlHours } = body;
        const ttlMs = ttlHours === undefined ? undefined : ttlHours * HOUR_MS;
        const made = await operators.create(name, role, { nodes, ttlMs }, actorOf(identity));
        const { operator, token } = made;
        return { status: 201, body: { ...operatorDocument(operator), token } };
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/v1/operators/{operator}',
      access: 'admin',
      summary: 'Removes an operator; its token and its watches end within seconds.',
      answers: [{ status: 204, summary: 'Removed.' }],
      handle: async ({ params, identity }) => {
        await operators.remove(params['operator'] ?? '', actorOf(identity));
        return { status: 204 };
      },
    }),
  ];
}
