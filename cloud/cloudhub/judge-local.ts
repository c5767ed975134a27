import { EdgeError } from '#protocol/errors.js';
import type { Local, LocalResult } from '#protocol/sync-message.js';
import { NO_VERSION, compareVersions, sameVersion } from '#protocol/twin.js';
import { HUB_LIMITS } from '../limits.js';
import { liveDevice } from '../store/node-rows.js';
import type { Draft } from '../store/node-rows.js';
import { conflictKey, propertyKey } from '../store/tables.js';
import type { Conflict, DesiredRecord, LocalOutcome } from '../store/tables.js';
import type { Authorizer } from './authorizer.js';
import { putDesired, writableValue } from './desired-values.js';
import type { Counter } from './counters.js';
import { count, send } from './judgement.js';
import type { DownlinkNews, Effect, OpenSession } from './judgement.js';
import { raiseHighest } from './judge-state.js';

export interface LocalJudgement {
  readonly effects: Effect[];
  readonly downlink: DownlinkNews[];
}

type Answer = Pick<LocalResult, 'outcome' | 'version' | 'code'>;

/**
 * Section 4.5 at the hub: a numbered compare-and-set. The outcome is kept with the value, in one
 * transaction, so that a repetition whose answer was lost does not conflict with itself (H17).
 */
export function judgeLocal(
  draft: Draft,
  session: OpenSession,
  message: Local,
  context: { authorizer: Authorizer; hubBoot: string; wallMs: number },
): LocalJudgement {
  const { device, property, lid } = message;
  if (lid.gen === session.gen) raiseHighest(draft, session, lid.n);
  const key = propertyKey(draft.node, device, property);
  const answered = (answer: Answer, counter: Counter, changed = false): LocalJudgement => ({
    effects: [
      ...(changed ? [{ kind: 'desired', device, property } as const] : []),
      count(counter),
      send(
        session.id,
        { kind: 'local-result', epoch: session.epoch, device, property, lid, ...answer },
        'twin',
      ),
    ],
    downlink: changed ? [{ kind: 'changed', device, property }] : [],
  });

  if (context.authorizer.isForeign(device))
    return answered({ outcome: 'rejected', code: 'EDGE_FORBIDDEN' }, 'foreignRows');
  const lost = lifeRefusal(draft, message);
  if (lost !== undefined) return answered({ outcome: 'rejected', code: lost }, 'localsRejected');
  const last = draft.get('locals', key);
  const age = last === undefined ? 1 : compareVersions(lid, last.lid);
  if (age < 0) return answered({ outcome: 'superseded' }, 'localsSuperseded');
  if (age === 0 && last !== undefined) {
    const { outcome, version } = last;
    const answer = { outcome, ...(version === undefined ? {} : { version }) };
    return answered(answer, 'localsSuperseded');
  }

  const code = valueRefusal(draft, message);
  if (code !== undefined) return answered({ outcome: 'rejected', code }, 'localsRejected');
  const present = draft.get('desired', key);
  const outcome: LocalOutcome = stands(message, present)
    ? { lid, outcome: 'ok', version: accept(draft, message, context) }
    : { lid, outcome: 'conflict' };
  draft.put('locals', key, outcome);
  if (outcome.version !== undefined)
    return answered({ outcome: 'ok', version: outcome.version }, 'localsAccepted', true);
  const forgotten = record(draft, message, present, context.wallMs);
  const conflict = answered({ outcome: 'conflict' }, 'localsConflicting');
  conflict.effects.unshift(
    { kind: 'desired', device, property },
    count('conflictsForgotten', forgotten),
  );
  return conflict;
}

/** Nothing came from the cloud since its base: the value is still that, or of its own chain (H18). */
function stands(message: Local, present: DesiredRecord | undefined): boolean {
  const { chainStart, base } = message;
  const version = present?.version ?? NO_VERSION;
  const since = present?.since ?? version;
  // The same value under other numbers is no other value.
  if (compareVersions(base, since) >= 0 && compareVersions(base, version) <= 0) return true;
  // Across generations as well: a fork gives a new one to what follows in the chain (hole H37).
  const origin = present?.origin;
  return origin !== undefined && compareVersions(origin, chainStart) >= 0;
}

function accept(draft: Draft, message: Local, context: { hubBoot: string; wallMs: number }) {
  const { device, property, lid } = message;
  return putDesired(draft, context.hubBoot, device, property, {
    value: writableValue(draft, draft.node, device, property, message.value),
    origin: lid,
    actor: `node:${draft.node}`,
    at: context.wallMs,
  }).version;
}

function lifeRefusal(draft: Draft, message: Local): string | undefined {
  const live = liveDevice(draft, draft.node, message.device);
  if (live === undefined) return 'EDGE_NO_DEVICE';
  return sameVersion(live.incarnation, message.incarnation) ? undefined : 'EDGE_INCARNATION';
}

function valueRefusal(draft: Draft, message: Local): string | undefined {
  const { device, property, value } = message;
  try {
    writableValue(draft, draft.node, device, property, value);
    return undefined;
  } catch (error) {
    return EdgeError.from(error).code;
  }
}

function record(
  draft: Draft,
  message: Local,
  present: DesiredRecord | undefined,
  wallMs: number,
): number {
  const { device, property, lid, base, value } = message;
  const cloud = { version: present?.version ?? NO_VERSION, value: present?.value ?? null };
  const conflict: Conflict = { device, property, lid, base, local: value, cloud, at: wallMs };
  return recordConflict(draft, conflictKey(draft.node, lid), conflict);
}

/** Where a person sees what was lost. Returns how many older conflicts made room. */
export function recordConflict(draft: Draft, key: string, conflict: Conflict): number {
  const kept = [...draft.base.all('conflicts')].sort(([, a], [, b]) =>
    compareVersions(a.lid, b.lid),
  );
  const spare = Math.max(0, kept.length + 1 - HUB_LIMITS.conflictsPerNode);
  for (const [old] of kept.slice(0, spare)) draft.remove('conflicts', old);
  draft.put('conflicts', key, conflict);
  return spare;
}
