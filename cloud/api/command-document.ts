import * as v from 'valibot';
import { isoTime } from '#protocol/twin-document.js';
import type { CommandView } from '../fleet.js';

const text = v.string();
const time = v.pipe(text, v.description('RFC 3339, UTC; for people, never for order.'));

export const CommandSchema = v.strictObject({
  id: text,
  node: text,
  device: v.pipe(text, v.description('namespace/name')),
  method: text,
  args: v.unknown(),
  ttlMs: v.pipe(v.number(), v.description('From `created`; after it the device is not touched.')),
  key: v.exactOptional(v.pipe(text, v.description('The idempotency key that it came with.'))),
  actor: text,
  created: v.exactOptional(time),
  ended: v.exactOptional(time),
  state: v.pipe(
    v.picklist(['new', 'sent', 'done', 'failed', 'expired', 'unknown']),
    v.description(
      'new: not sent yet. sent: bound to a process of the gateway. done, failed, expired: never change. unknown: nobody can know whether it had its effect; may still become one of these three.',
    ),
  ),
  value: v.exactOptional(v.pipe(v.unknown(), v.description('What the device answered.'))),
  code: v.exactOptional(text),
  detail: v.exactOptional(text),
});

export type CommandDocument = v.InferOutput<typeof CommandSchema>;

export function commandDocument(view: CommandView): CommandDocument {
  const { id, node, device, method, args, ttlMs, key, actor, state, value, code, detail } = view;
  const created = isoTime(view.at);
  const ended = view.endedAt === undefined ? undefined : isoTime(view.endedAt);
  return {
    ...{ id, node, device, method, args, ttlMs },
    ...(key === undefined ? {} : { key }),
    actor,
    ...(created === undefined ? {} : { created }),
    ...(ended === undefined ? {} : { ended }),
    state,
    ...(value === undefined ? {} : { value }),
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
  };
}
