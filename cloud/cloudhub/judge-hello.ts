import { LIMITS } from '#protocol/limits.js';
import { dictionaryFeatures } from '#protocol/message-dictionary.js';
import { FIRST_NUMBERING } from '#protocol/numbering.js';
import { PROTOCOL_VERSION } from '#protocol/sync-message.js';
import type { ByeReason, Hello, Welcome } from '#protocol/sync-message.js';
import { HUB_LIMITS } from '../limits.js';
import { COMMANDS_FEATURE, unbindCommands } from '../commands/record.js';
import { Draft } from '../store/node-rows.js';
import type { NodeRows } from '../store/node-rows.js';
import { withAlarm } from './alarms.js';
import { decideHello, epochOutOfReach } from './hello.js';
import type { HelloDecision } from './hello.js';
import { NOTHING, count, goodbye, send } from './judgement.js';
import type { Effect, Judgement, Moment, NodeEvent, SessionId } from './judgement.js';

export interface HelloContext {
  readonly rows: NodeRows;
  readonly hubBoot: string;
  /** The session that stands now; the newest authenticated one wins. */
  readonly older: SessionId | undefined;
  /** How often a retired boot came back within the window so far. */
  readonly cloneReturns: number;
}

/** Section 4.1 at HELLO and 4.10: who is let in, what stands, and what the gateway is told. */
export function judgeHello(
  event: Extract<NodeEvent, { kind: 'hello' }>,
  context: HelloContext,
  moment: Moment,
): Judgement {
  const { hello, session } = event;
  const { rows, older } = context;
  const refused = refusal(context, hello);
  if (refused !== undefined)
    return {
      ...NOTHING,
      effects: [
        count('refusedHellos'),
        ...goodbye(session, refused.reason, refused.detail, 'unauthorized'),
      ],
    };

  const draft = new Draft(rows);
  const decision = decideHello(draft, hello, event.fresh, moment.wallMs);
  if (decision.clone && context.cloneReturns + 1 >= HUB_LIMITS.cloneReturns)
    return quarantine(event, context, moment);
  if (decision.alarms.some(({ code }) => code === 'EDGE_HUB_RESTORED')) unbindCommands(draft);
  const effects: Effect[] = [
    ...(older === undefined ? [] : superseded(older)),
    count('sessionsOpened'),
    ...findings(decision),
    { kind: 'node', online: true },
    send(session, welcome(draft, hello, decision, context.hubBoot, moment)),
  ];
  return {
    ...NOTHING,
    puts: draft.puts(),
    effects,
    opens: {
      id: session,
      epoch: decision.epoch,
      lineage: decision.lineage,
      gen: decision.gen,
      known: decision.known.state,
      boots: bootsOf(hello),
      boot: hello.boot,
      features: sharedFeatures(hello),
      adopt: decision.adopt,
    },
    ...(decision.clone ? { cloneAtMs: moment.nowMs } : {}),
  };
}

function refusal(
  { rows }: HelloContext,
  hello: Hello,
): { reason: ByeReason; detail: string } | undefined {
  const node = rows.get('nodes', rows.name);
  if (node?.quarantined === true) return { reason: 'clone', detail: 'The node is in quarantine.' };
  const { min, max } = hello.protocol;
  if (min > PROTOCOL_VERSION || max < PROTOCOL_VERSION)
    return { reason: 'unsupported', detail: `This hub speaks protocol ${PROTOCOL_VERSION} only.` };
  if (epochOutOfReach(node, hello.lastEpoch))
    return { reason: 'refused', detail: `Epoch ${hello.lastEpoch} was never given.` };
  return undefined;
}

/** Two processes take turns: neither is let in until a person decides. */
function quarantine(
  { session, hello }: Extract<NodeEvent, { kind: 'hello' }>,
  { rows, older }: HelloContext,
  { nowMs, wallMs }: Moment,
): Judgement {
  const draft = new Draft(rows);
  const node = draft.get('nodes', draft.node);
  if (node === undefined) return NOTHING;
  const alarm = {
    code: 'EDGE_QUARANTINED',
    detail: `Two gateway processes took turns ${HUB_LIMITS.cloneReturns} times within an hour.`,
  } as const;
  const row = withAlarm({ ...node, quarantined: true }, { ...alarm, at: wallMs });
  draft.put('nodes', draft.node, row);
  const detail = `The node is in quarantine: gateway process ${hello.boot} came back.`;
  return {
    ...NOTHING,
    puts: draft.puts(),
    effects: [
      ...(older === undefined ? [] : goodbye(older, 'clone', detail, 'unauthorized')),
      count('cloneAlarms'),
      count('refusedHellos'),
      { kind: 'alarm', ...alarm },
      { kind: 'node', online: false },
      ...goodbye(session, 'clone', detail, 'unauthorized'),
    ],
    ends: true,
    cloneAtMs: nowMs,
  };
}

function welcome(
  draft: Draft,
  hello: Hello,
  decision: HelloDecision,
  hubBoot: string,
  { nowMs, wallMs }: Moment,
): Welcome {
  const node = draft.get('nodes', draft.node);
  const { forks } = draft.get('numberings', draft.node) ?? FIRST_NUMBERING;
  const earlier = forks.map(({ boot }) => boot).filter((boot) => boot !== hubBoot);
  const { epoch, lineage, gen, fork, resync, known, adopt } = decision;
  return {
    kind: 'welcome',
    epoch,
    lineage,
    gen,
    fork,
    resync,
    known,
    hubLineage: node?.hubLineage ?? '',
    hubGen: node?.hubGen ?? 1,
    hubBoot,
    ...(earlier.length === 0 ? {} : { earlierHubBoots: earlier }),
    adopt,
    protocol: PROTOCOL_VERSION,
    features: [...dictionaryFeatures(hello.dictionaries), ...sharedFeatures(hello)],
    messageBytes: LIMITS.messageBytes,
    monotonicMs: nowMs,
    wallMs: Math.max(0, Math.round(wallMs)),
  };
}

/** What this hub understands beside twins. */
const FEATURES: readonly string[] = [COMMANDS_FEATURE];

function sharedFeatures({ features }: Hello): readonly string[] {
  return FEATURES.filter((feature) => features.includes(feature));
}

function superseded(older: SessionId): Effect[] {
  const detail = 'A newer session of this node took over.';
  return [...goodbye(older, 'superseded', detail, 'superseded'), count('sessionsSuperseded')];
}

/** Boots whose numbers this gateway used, the present one last. */
function bootsOf(hello: Hello): string[] {
  const forks = [...hello.state.forks, ...hello.samples.forks];
  return [...new Set([...forks.map(({ boot }) => boot), hello.boot])];
}

function findings({ alarms, clone, fork, resync, adopt }: HelloDecision): Effect[] {
  return [
    ...alarms.map(({ code, detail }): Effect => ({ kind: 'alarm', code, detail })),
    ...(clone ? [count('cloneAlarms')] : []),
    ...(fork || resync ? [count('gatewaysRestored')] : []),
    ...(adopt ? [count('adoptionsNeeded')] : []),
  ];
}
