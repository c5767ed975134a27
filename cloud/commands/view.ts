import type { CommandView } from '../fleet.js';
import type { CommandRecord } from '../store/tables.js';

/** A command as people see it. */
export function commandView(node: string, record: CommandRecord): CommandView {
  const { id, device, method, args, ttlMs, key, actor, at, endedAt, state } = record;
  const { value, code, detail } = record;
  return {
    ...{ id, node, device, method, args, ttlMs },
    ...(key === undefined ? {} : { key }),
    ...{ actor, at },
    ...(endedAt === undefined ? {} : { endedAt }),
    state,
    ...(value === undefined ? {} : { value }),
    ...(code === undefined ? {} : { code }),
    ...(detail === undefined ? {} : { detail }),
  };
}
