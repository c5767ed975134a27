import * as v from 'valibot';
import type { Clock } from '#protocol/clock.js';
import { timeOf } from '#protocol/history-document.js';
import { LIMITS } from '#protocol/limits.js';
import { PAGE_DEFAULT, PAGE_MAX } from '#protocol/page.js';
import { auditDocument } from '../audit/audit-document.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { AUDIT_ACTIONS } from '../audit/tables.js';
import type { AuditAction } from '../audit/tables.js';
import { PageQuery } from './page-query.js';
import { route } from './route.js';
import type { Route } from './route.js';

const text = (charsMax: number, described: string) =>
  v.exactOptional(v.pipe(v.string(), v.maxLength(charsMax), v.description(described)));

const Query = v.strictObject({
  limit: PageQuery.limit,
  after: v.exactOptional(
    v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.description('Go on behind the record `n`.')),
  ),
  since: text(40, 'Records from this time on: RFC 3339, a day, -12h, or milliseconds since 1970.'),
  actor: text(LIMITS.nameChars + 16, 'Only what this one did: operator:ann, node:pi-1, hub.'),
  node: text(LIMITS.nodeNameChars, 'Only what concerns this gateway.'),
});

const RecordSchema = v.strictObject({
  n: v.pipe(v.number(), v.description('Numbered from 1 on, without gaps.')),
  at: v.exactOptional(v.pipe(v.string(), v.description('RFC 3339, UTC, by the clock of the hub.'))),
  actor: v.string(),
  action: v.picklist(Object.keys(AUDIT_ACTIONS) as AuditAction[]),
  subject: v.string(),
  node: v.exactOptional(v.string()),
  before: v.exactOptional(v.pipe(v.unknown(), v.description('JSON, or length and SHA-256 of it.'))),
  after: v.exactOptional(v.pipe(v.unknown(), v.description('As `before`.'))),
  code: v.exactOptional(v.pipe(v.string(), v.description('It was refused, with this code.'))),
  detail: v.exactOptional(v.string()),
  chain: v.pipe(v.string(), v.description('SHA-256 over the chain before and this record.')),
});

/** Who did what: to be read and exported, never to be changed. */
export function auditRoutes(trail: Pick<AuditTrail, 'page'>, clock: Clock): readonly Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/v1/audit',
      access: 'admin',
      summary: 'Who did what and what was refused, oldest first.',
      query: Query,
      answers: [
        {
          status: 200,
          summary: 'One page of records.',
          schema: v.strictObject({
            records: v.array(RecordSchema),
            next: v.exactOptional(
              v.pipe(
                v.string(),
                v.description('Ask for the next page with ?after= this, also behind an empty one.'),
              ),
            ),
          }),
        },
      ],
      handle: ({ query }) => {
        const { since, actor, node } = query;
        const { records, next } = trail.page({
          after: Number(query.after ?? 0),
          limit: Math.min(Number(query.limit ?? PAGE_DEFAULT), PAGE_MAX),
          ...(since === undefined ? {} : { sinceMs: timeOf('since', since, clock.wallTime()) }),
          ...(actor === undefined ? {} : { actor }),
          ...(node === undefined ? {} : { node }),
        });
        const body = { records: records.map(auditDocument) };
        return { status: 200, body: next === undefined ? body : { ...body, next: String(next) } };
      },
    }),
  ];
}
