import { LIMITS } from '#protocol/limits.js';
import { dictionaryFeatures } from '#protocol/message-dictionary.js';
import { FIRST_NUMBERING } from '#protocol/numbering.js';
import { SAMPLES_FEATURE } from '#protocol/sync-message-samples.js';
import { ADOPTION, HUB_DEVICES, PROTOCOL_VERSION } from '#protocol/sync-message.js';
import type { ByeReason, Hello, Welcome } from '#protocol/sync-message.js';
import { COMMANDS_FEATURE, unbindCommands } from '../commands/record.js';
import { Draft } from '../store/node-rows.js';
import type { NodeRows } from '../store/node-rows.js';
import { lastMark } from './adoption-era.js';
import { withAlarm } from './alarms.js';
import { decideHello, isOutOfReach, offer } from './hello.js';
import type { HelloDecision } from './hello.js';
import { NOTHING, count, goodbye, send } from './judgement.js';
import type { Candidate, Effect, Judgement, Moment, NodeEvent } from './judgement.js';
import type { OpenSession } from './judgement.js';

export interface HelloContext {
  readonly rows: NodeRows;
  readonly hubBoot: string;
  /** The session that stands, and goes on until the new one takes over. */
  readonly live: OpenSession | undefined;
  /** Those that wait for the first message, oldest first. */
  readonly candidates: readonly Candidate[];
}

/** WELCOMEs of one node that wait for an answer; the oldest gives way. */
const CANDIDATES_MAX = 8;

/** Section 4.1 at HELLO: who is let in, and what the gateway is told. */
export function judgeHello(
  event: Extract<NodeEvent, { kind: 'hello' }>,
  context: HelloContext,
  moment: Moment,
): Judgement {
  const { hello, session, fresh } = event;
  const { rows, live, candidates } = context;
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
  const decision = decideHello(rows, hello, fresh.lineage);
  const epoch = offer(draft, hello, decision, fresh);
  const found = raiseRestored(draft, context, decision, moment);
  const isAdopting = decision.adoptMark !== null;
  const misled = isAdopting && live?.adopt === false ? live.id : undefined;
  const spare = candidates.slice(0, Math.max(0, candidates.length + 1 - CANDIDATES_MAX));
  return {
    ...NOTHING,
    puts: draft.puts(),
    effects: [
      ...found,
      ...(misled === undefined
        ? []
        : goodbye(misled, 'diverged', 'This hub was restored: connect again.', 'normal')),
      ...(misled === undefined ? [] : [{ kind: 'node', online: false } as const]),
      ...spare.flatMap(({ id }) => goodbye(id, 'diverged', 'Too many connect at once.', 'normal')),
      send(session, welcome(draft, hello, epoch, decision, context.hubBoot, moment)),
    ],
    offers: {
      id: session,
      epoch,
      lineage: decision.lineage,
      gen: decision.gen,
      known: decision.known.state,
      boot: hello.boot,
      features: sharedFeatures(hello),
      adopt: isAdopting,
      hello,
      decision,
    },
    drops: spare.map(({ id }) => id),
    ...(misled === undefined ? {} : { ends: true }),
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
  if (isOutOfReach(node, hello))
    return { reason: 'refused', detail: `Epoch ${hello.lastEpoch} and its like were never given.` };
  return undefined;
}

/** Shown from the moment it is found: nothing desired leaves until it is over. */
function raiseRestored(
  draft: Draft,
  { rows, hubBoot }: HelloContext,
  decision: HelloDecision,
  { wallMs }: Moment,
): Effect[] {
  const node = draft.get('nodes', draft.node);
  const before = rows.get('nodes', rows.name);
  const wasFound = lastMark(decision) === (before === undefined ? null : lastMark(before));
  if (wasFound || node === undefined) return [];
  const alarm = {
    code: 'EDGE_HUB_RESTORED',
    detail: 'Desired values are held back: the gateway has newer ones than the hub.',
  } as const;
  draft.put('nodes', draft.node, withAlarm(node, { ...alarm, at: wallMs }));
  unbindCommands(draft, hubBoot);
  return [{ kind: 'alarm', ...alarm }, count('adoptionsNeeded'), { kind: 'node' }];
}

function welcome(
  draft: Draft,
  hello: Hello,
  epoch: number,
  decision: HelloDecision,
  hubBoot: string,
  { nowMs, wallMs }: Moment,
): Welcome {
  const node = draft.get('nodes', draft.node);
  const { forks } = draft.get('numberings', draft.node) ?? FIRST_NUMBERING;
  const earlier = forks.map(({ boot }) => boot).filter((boot) => boot !== hubBoot);
  const { lineage, gen, fork, resync, known, priorGen, adoptMark } = decision;
  return {
    kind: 'welcome',
    epoch,
    lineage,
    gen,
    fork,
    resync,
    known,
    ...(priorGen === undefined ? {} : { priorGen }),
    hubLineage: node?.hubLineage ?? '',
    hubGen: node?.hubGen ?? 1,
    hubBoot,
    ...(earlier.length === 0 ? {} : { earlierHubBoots: earlier }),
    adopt: adoptMark !== null,
    protocol: PROTOCOL_VERSION,
    features: [...dictionaryFeatures(hello.dictionaries), ...sharedFeatures(hello)],
    messageBytes: LIMITS.messageBytes,
    monotonicMs: nowMs,
    wallMs: Math.max(0, Math.round(wallMs)),
  };
}

/** What this hub understands beside twins. */
const FEATURES: readonly string[] = [COMMANDS_FEATURE, SAMPLES_FEATURE, ADOPTION, HUB_DEVICES];

function sharedFeatures({ features }: Hello): readonly string[] {
  return FEATURES.filter((feature) => features.includes(feature));
}
