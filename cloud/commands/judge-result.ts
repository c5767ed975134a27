import type { Result } from '#protocol/sync-message-command.js';
import { count, send } from '../cloudhub/judgement.js';
import type { Effect, OpenSession } from '../cloudhub/judgement.js';
import type { Draft } from '../store/node-rows.js';
import { commandKey } from '../store/tables.js';
import type { CommandEndState, CommandRecord } from '../store/tables.js';
import { ended, isFinal } from './record.js';

/**
 * RESULT at the hub (docs/sync-protocol.md section 4.6). DONE, FAILED and EXPIRED stand for ever;
 * UNKNOWN gives way to them; NEVER_SEEN is UNKNOWN, for the store of the gateway may have forgotten.
 */
export function judgeResult(
  draft: Draft,
  session: OpenSession,
  message: Result,
  wallMs: number,
): readonly Effect[] {
  const { command, state } = message;
  const { id, epoch } = session;
  const resack = send(id, { kind: 'resack', epoch, command });
  const key = commandKey(draft.node, command);
  const record = draft.get('commands', key);
  const known = state !== 'running' && state !== 'never-seen';
  if (record === undefined) return [count('commandsForgotten'), ...(known ? [resack] : [])];
  if (state === 'running') return [];
  const next = after(record, message, known ? state : 'unknown', wallMs);
  const effects = known ? [resack] : [];
  if (next === record)
    return isContradiction(record, message) ? [CONTRADICTED, ...effects] : effects;
  draft.put('commands', key, next);
  return [{ kind: 'command', command }, ...effects];
}

const CONTRADICTED = count('commandsContradicted');

function after(
  record: CommandRecord,
  message: Result,
  state: CommandEndState,
  wallMs: number,
): CommandRecord {
  if (isFinal(record) || (state === 'unknown' && record.answered === true)) return record;
  const { value } = message;
  const never = message.state === 'never-seen';
  const code = never ? 'EDGE_EFFECT_UNKNOWN' : message.code;
  const detail = never
    ? 'The gateway does not know the command: its store may be older.'
    : message.detail;
  return ended(
    record,
    {
      ...{ state, answered: true },
      ...(value === undefined ? {} : { value }),
      ...(code === undefined ? {} : { code }),
      ...(detail === undefined ? {} : { detail }),
    },
    wallMs,
  );
}

function isContradiction(record: CommandRecord, { state }: Result): boolean {
  return isFinal(record) && state !== record.state && state !== 'unknown' && state !== 'never-seen';
}
