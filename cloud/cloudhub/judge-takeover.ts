import { FIRST_NUMBERING, confirmed } from '#protocol/numbering.js';
import { HUB_LIMITS } from '../limits.js';
import { Draft } from '../store/node-rows.js';
import type { NodeRows } from '../store/node-rows.js';
import { lineageKey } from '../store/tables.js';
import { withAlarm } from './alarms.js';
import { alarmsOf, decideHello, isClone, isNewHistory, metNode } from './hello.js';
import type { HelloDecision } from './hello.js';
import { NOTHING, count, goodbye, send } from './judgement.js';
import type { Candidate, Effect, Judgement, Moment, OpenSession, SessionId } from './judgement.js';

export interface TakeoverContext {
  readonly rows: NodeRows;
  readonly hubBoot: string;
  readonly live: OpenSession | undefined;
  readonly candidates: readonly Candidate[];
  /** How often a retired boot came back within the window so far. */
  readonly cloneReturns: number;
}

/**
 * The first message of an epoch takes the node over (section 4.1): only a process that lives and
 * holds WELCOME can send it, while a HELLO may be the late one of a process that is dead. Now the
 * gateway's boots are learnt (holes H7 and H8), the older session ends, and a clone is one.
 */
export function judgeTakeover(
  candidate: Candidate,
  context: TakeoverContext,
  moment: Moment,
): Judgement {
  const { rows, live, candidates } = context;
  const { id, epoch, hello, decision } = candidate;
  if (live !== undefined && live.epoch > epoch) return { ...NOTHING, ...superseded([id]) };
  // What was told at HELLO must still hold: the older session may have brought more rows since.
  if (!isSame(decision, decideHello(rows, hello, decision.lineage)))
    return {
      ...NOTHING,
      effects: [
        count('protocolErrors'),
        ...goodbye(id, 'diverged', 'Another session changed this node: connect again.', 'normal'),
      ],
      drops: [id],
    };
  const draft = new Draft(rows);
  const before = draft.get('nodes', draft.node);
  if (before === undefined) return NOTHING;
  const clone = isClone(before, hello);
  if (clone && context.cloneReturns + 1 >= HUB_LIMITS.cloneReturns)
    return quarantine(draft, candidate, context, moment);

  const { resync } = decision;
  // Also when the READY of the first session after the restore was lost.
  const fork = decision.fork || (!resync && isNewHistory(rows, candidate.lineage));
  const alarms = alarmsOf(before, hello, { fork, resync }, moment.wallMs);
  draft.put('nodes', draft.node, metNode(before, hello, epoch, alarms));
  begin(draft, candidate, context.hubBoot);
  const older = candidates.filter((other) => other.epoch < epoch).map((other) => other.id);
  const losers = superseded([...(live === undefined ? [] : [live.id]), ...older]);
  const { lineage, gen, known, boot, features, adopt } = candidate;
  return {
    ...NOTHING,
    puts: draft.puts(),
    effects: [
      ...losers.effects,
      count('sessionsOpened'),
      ...alarms.map(({ code, detail }): Effect => ({ kind: 'alarm', code, detail })),
      ...(clone ? [count('cloneAlarms')] : []),
      ...(fork || resync ? [count('gatewaysRestored')] : []),
      { kind: 'node', online: true },
      send(id, { kind: 'confirm', epoch }),
    ],
    opens: { id, epoch, lineage, gen, known, boot, features, adopt, heldDevices: hello.hubDevices },
    drops: [...older, id],
    ...(clone ? { cloneAtMs: moment.nowMs } : {}),
  };
}

/**
 * The same decision, but for what only became more: a number known without a fork bounds what is
 * sent again, and sending more again is harmless; after a fork it would go over newer rows.
 */
function isSame(told: HelloDecision, now: HelloDecision): boolean {
  const isOne =
    told.fork === now.fork &&
    told.resync === now.resync &&
    (told.fork || told.gen === now.gen) &&
    (told.adoptMark === null) === (now.adoptMark === null);
  const isEqual = told.known.state === now.known.state && told.known.samples === now.known.samples;
  return isOne && (!told.fork || isEqual);
}

/**
 * The lineage is the current one now. A hub that must adopt keeps its forks: they are what shows
 * where its memory ends.
 */
function begin(draft: Draft, { lineage, adopt }: Candidate, hubBoot: string): void {
  const key = lineageKey(draft.node, lineage);
  const row = draft.get('lineages', key);
  if (row !== undefined && (row.offered === true || row.resync)) {
    const { gen, maxState, samplesStored, epoch, parent, branch = 0 } = row;
    draft.put('lineages', key, {
      ...{ gen, maxState, samplesStored, resync: false, epoch },
      ...(parent === undefined ? {} : { parent, branch }),
    });
  }
  if (adopt) return;
  const numbering = draft.get('numberings', draft.node) ?? FIRST_NUMBERING;
  draft.put('numberings', draft.node, confirmed(numbering, hubBoot));
}

/** Two processes take turns: neither is let in until a person decides. */
function quarantine(
  draft: Draft,
  { id, hello }: Candidate,
  { live, candidates }: TakeoverContext,
  { nowMs, wallMs }: Moment,
): Judgement {
  const node = draft.get('nodes', draft.node);
  if (node === undefined) return NOTHING;
  const alarm = {
    code: 'EDGE_QUARANTINED',
    detail: `Two gateway processes took turns ${HUB_LIMITS.cloneReturns} times within an hour.`,
  } as const;
  const row = withAlarm({ ...node, quarantined: true }, { ...alarm, at: wallMs });
  draft.put('nodes', draft.node, row);
  const detail = `The node is in quarantine: gateway process ${hello.boot} came back.`;
  const all = [
    ...(live === undefined ? [] : [live.id]),
    ...candidates.map((other) => other.id).filter((other) => other !== id),
    id,
  ];
  return {
    ...NOTHING,
    puts: draft.puts(),
    effects: [
      count('cloneAlarms'),
      count('refusedHellos'),
      { kind: 'alarm', ...alarm },
      { kind: 'node', online: false },
      ...all.flatMap((session) => goodbye(session, 'clone', detail, 'unauthorized')),
    ],
    ends: true,
    drops: candidates.map((other) => other.id),
    cloneAtMs: nowMs,
  };
}

function superseded(losers: readonly SessionId[]): { effects: Effect[]; drops: SessionId[] } {
  const detail = 'A newer session of this node took over.';
  const effects = losers.flatMap((id) => [
    ...goodbye(id, 'superseded', detail, 'superseded'),
    count('sessionsSuperseded'),
  ]);
  return { effects, drops: [...losers] };
}
