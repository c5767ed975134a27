import type { Draft } from '../store/node-rows.js';
import type { AlarmCode } from '../store/tables.js';
import { NOTHING } from './judgement.js';
import type { Judgement } from './judgement.js';

/** A person has seen it; for EDGE_QUARANTINED this lets the node in again. */
export function judgeClearAlarm(draft: Draft, code: AlarmCode): Judgement {
  const node = draft.get('nodes', draft.node);
  if (node === undefined) return NOTHING;
  const alarms = node.alarms.filter((alarm) => alarm.code !== code);
  const forgives = code === 'EDGE_QUARANTINED';
  const quarantined = node.quarantined && !forgives;
  draft.put('nodes', draft.node, { ...node, alarms, quarantined });
  return {
    ...NOTHING,
    puts: draft.puts(),
    effects: [{ kind: 'node' }],
    ...(forgives ? { forgives } : {}),
  };
}
