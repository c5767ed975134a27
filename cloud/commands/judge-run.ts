import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import { checkCall } from '#protocol/method-call.js';
import { Refusal } from '#protocol/problem.js';
import { equalValues } from '#protocol/twin.js';
import type { CommandRequest } from '../cloudhub/judgement.js';
import { liveDevice } from '../store/node-rows.js';
import type { Draft } from '../store/node-rows.js';
import { commandKey } from '../store/tables.js';
import type { CommandRecord } from '../store/tables.js';
import { HUB_COMMAND_LIMITS } from './limits.js';
import { isOpen, isPending } from './record.js';
import type { Uptime } from '#journal/os-uptime.js';

export interface RunContext {
  readonly hubBoot: string;
  readonly uptime: Uptime;
  readonly nowMs: number;
  readonly wallMs: number;
  /** False when a session stands whose gateway takes no commands. */
  readonly isSupported: boolean;
}

/**
 * A wish of the API becomes a NEW command; the same key is the same command, and no news: false.
 * Throws EDGE_NO_DEVICE, those of `checkCall`, EDGE_RANGE, EDGE_LIMIT, EDGE_CONFLICT, EDGE_UNSUPPORTED.
 */
export function judgeRun(draft: Draft, request: CommandRequest, context: RunContext): boolean {
  const { id, device, method, args, ttlMs, key, actor } = request;
  const live = liveDevice(draft, draft.node, device);
  if (live === undefined)
    throw new EdgeError('EDGE_NO_DEVICE', `no device ${device}`, { hint: 'List the devices.' });
  checkCall(live.description, method, args);
  checkTtl(ttlMs);
  const records = [...draft.base.all('commands').values()];
  const same = key === undefined ? undefined : sameKey(records, key, actor);
  if (same !== undefined) {
    if (same.device === device && same.method === method && equalValues(same.args, args))
      return false;
    throw new Refusal(422, 'EDGE_CONFLICT', 'the key was used for another command', {
      hint: 'Use a new key for each command, and the same one only to repeat it.',
    });
  }
  if (!context.isSupported)
    throw new Refusal(409, 'EDGE_UNSUPPORTED', `the gateway ${draft.node} takes no commands`, {
      hint: 'Update the gateway, or set desired values.',
    });
  if (records.filter(isPending).length >= HUB_COMMAND_LIMITS.openPerNode)
    throw new Refusal(429, 'EDGE_LIMIT', `too many commands wait for gateway ${draft.node}`, {
      hint: 'Wait for some of them to end.',
      headers: { 'retry-after': '10' },
    });
  forgetOldest(draft, records);
  const { hubBoot, uptime, nowMs, wallMs } = context;
  const record: CommandRecord = {
    id,
    n: Math.max(0, ...records.map(({ n }) => n)) + 1,
    ...{ device, incarnation: live.incarnation, method, args, ttlMs },
    ...(key === undefined ? {} : { key }),
    ...{ actor, at: wallMs, hubBoot },
    issued: { osBoot: uptime.osBoot, ms: nowMs + uptime.offsetMs },
    state: 'new',
  };
  draft.put('commands', commandKey(draft.node, id), record);
  return true;
}

/** The command that a client repeats; keys of others do not count. */
export function sameKey(
  records: Iterable<CommandRecord>,
  key: string,
  actor: string,
): CommandRecord | undefined {
  for (const record of records) if (record.key === key && record.actor === actor) return record;
  return undefined;
}

function checkTtl(ttlMs: number): void {
  const { commandTtlMinMs: least, commandTtlMaxMs: most } = LIMITS;
  if (Number.isSafeInteger(ttlMs) && ttlMs >= least && ttlMs <= most) return;
  throw new EdgeError('EDGE_RANGE', `a time to live of ${ttlMs} ms`, {
    hint: `Send ${least} to ${most} whole milliseconds.`,
  });
}

/** Those that nobody can learn more of go first. */
function forgetOldest(draft: Draft, records: readonly CommandRecord[]): void {
  const endedOnes = records
    .filter((record) => !isPending(record))
    .sort((a, b) => Number(isOpen(a)) - Number(isOpen(b)) || a.n - b.n);
  const spare = Math.max(0, endedOnes.length + 1 - HUB_COMMAND_LIMITS.endedPerNode);
  for (const { id } of endedOnes.slice(0, spare))
    draft.remove('commands', commandKey(draft.node, id));
}
