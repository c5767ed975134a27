import { LIMITS } from '#protocol/limits.js';
import { FIRST_NUMBERING, mark } from '#protocol/numbering.js';
import type { Hello } from '#protocol/sync-message.js';
import { HUB_LIMITS } from '../limits.js';
import { Draft } from '../store/node-rows.js';
import { deviceOfKey, lineageKey } from '../store/tables.js';
import type { Alarm, LineageRow, NodeRow } from '../store/tables.js';
import { withAlarm } from './alarms.js';

/** Where the numbers of a gateway stand after HELLO. */
export interface HelloDecision {
  readonly epoch: number;
  readonly lineage: string;
  readonly gen: number;
  readonly fork: boolean;
  readonly resync: boolean;
  readonly known: { readonly state: number; readonly samples: number };
  readonly adopt: boolean;
  /** A retired boot came back: two processes live. */
  readonly clone: boolean;
  readonly alarms: readonly Alarm[];
}

/**
 * Section 4.1 at HELLO, in one transaction. It learns no boots: that would make rows of a process
 * whose WELCOME was lost look delivered (hole H7). The same HELLO again gives the same decision.
 */
export function decideHello(
  draft: Draft,
  hello: Hello,
  fresh: { readonly lineage: string; readonly hubLineage: string },
  wallMs: number,
): HelloDecision {
  const before = draft.get('nodes', draft.node) ?? newNode(fresh.hubLineage);
  const epoch = nextEpoch(before.epoch, hello.lastEpoch);
  const numbers = decideNumbers(draft, hello, before.learntBoots, fresh.lineage);
  const adoptMark = decideAdoption(draft, before, hello);
  const clone = before.boot !== hello.boot && before.retiredBoots.includes(hello.boot);

  const alarms: Alarm[] = [];
  const alarm = (code: Alarm['code'], detail: string): void => {
    alarms.push({ code, detail, at: wallMs });
  };
  if (clone) alarm('EDGE_CLONE', 'A gateway process that was replaced is back: two are alive.');
  if (numbers.fork) alarm('EDGE_GATEWAY_RESTORED', 'The gateway runs on a restored, older store.');
  else if (numbers.resync)
    alarm('EDGE_GATEWAY_RESTORED', 'The gateway runs on a store not seen here.');
  else if (hello.lastEpoch < before.metEpoch)
    alarm('EDGE_GATEWAY_RESTORED', 'The gateway forgot its last session: its store is older.');
  if (adoptMark !== null && before.adoptMark === null)
    alarm(
      'EDGE_HUB_RESTORED',
      'Desired values are held back: the gateway has newer ones than the hub.',
    );

  const row: NodeRow = {
    ...before,
    ...retire(before, hello.boot),
    epoch,
    adoptMark,
    software: hello.software,
  };
  draft.put('nodes', draft.node, alarms.reduce(withAlarm, row));
  draft.put('lineages', lineageKey(draft.node, numbers.lineage), {
    gen: numbers.gen,
    maxState: numbers.known.state,
    samplesStored: numbers.known.samples,
    resync: numbers.resync,
    epoch,
  });
  touchLineages(draft, hello.lineage, epoch);
  return { epoch, ...numbers, adopt: adoptMark !== null, clone, alarms };
}

/** A node in its first session. */
export function newNode(hubLineage: string): NodeRow {
  return {
    epoch: 0,
    metEpoch: 0,
    boot: '',
    retiredBoots: [],
    learntBoots: [],
    hubLineage,
    hubGen: 1,
    adoptMark: null,
    quarantined: false,
    alarms: [],
    software: '',
  };
}

/** True for an epoch so far ahead that only a hostile or broken gateway presents it. */
export function epochOutOfReach(node: NodeRow | undefined, lastEpoch: number): boolean {
  return lastEpoch > (node?.epoch ?? 0) + HUB_LIMITS.epochStep;
}

/** Above both, so that neither a restored hub nor a restored gateway is stuck (hole H26). */
function nextEpoch(own: number, presented: number): number {
  return Math.max(own, presented) + 1;
}

function retire(node: NodeRow, boot: string): Pick<NodeRow, 'boot' | 'retiredBoots'> {
  if (node.boot === boot) return node;
  const others = node.retiredBoots.filter((other) => other !== boot && other !== node.boot);
  const retired = node.boot === '' ? others : [...others, node.boot];
  return { boot, retiredBoots: retired.slice(-LIMITS.retiredBootsKept) };
}

type Numbers = Pick<HelloDecision, 'lineage' | 'gen' | 'fork' | 'resync' | 'known'>;

function decideNumbers(
  draft: Draft,
  hello: Hello,
  learnt: readonly string[],
  freshLineage: string,
): Numbers {
  const lineages = [...draft.base.all('lineages')];
  const presented = draft.get('lineages', lineageKey(draft.node, hello.lineage));
  const current = Math.max(0, ...lineages.map(([, row]) => row.gen));
  const same = { lineage: hello.lineage, fork: false, resync: false };
  const nothing = { state: 0, samples: 0 };
  if (current === 0) return { ...same, gen: 1, known: nothing };
  if (presented === undefined) return { ...same, gen: current + 1, known: nothing, resync: true };

  const marks = { state: mark(hello.state, learnt), samples: mark(hello.samples, learnt) };
  const known = {
    state: Math.min(marks.state, presented.maxState),
    samples: Math.min(marks.samples, presented.samplesStored),
  };
  const isCurrent = presented.gen === current;
  const isAhead = presented.maxState > marks.state || presented.samplesStored > marks.samples;
  if (isCurrent && !isAhead) return { ...same, gen: current, known, resync: presented.resync };
  return { lineage: freshLineage, gen: current + 1, fork: true, resync: false, known };
}

/**
 * The desired side mirrored: what the gateway stored beyond the mark was numbered by another life
 * of this hub. The finding is kept, since the next session alone would not show it (hole H12).
 */
function decideAdoption(draft: Draft, node: NodeRow, hello: Hello): number | null {
  if (node.adoptMark !== null) return node.adoptMark;
  if (hello.hubLineage === '') return null;
  const numbering = draft.get('numberings', draft.node) ?? FIRST_NUMBERING;
  const hubMark = mark(numbering, hello.hubBoots);
  const isOther = hello.hubLineage !== node.hubLineage;
  return isOther || hello.maxDesired > hubMark ? hubMark : null;
}

/** Keeps the presented lineage among the most recent, and forgets the least recent beyond the limit. */
function touchLineages(draft: Draft, presented: string, epoch: number): void {
  const key = lineageKey(draft.node, presented);
  const row = draft.get('lineages', key);
  if (row !== undefined) draft.put('lineages', key, { ...row, epoch });
  const kept = new Map<string, LineageRow>(draft.base.all('lineages'));
  for (const put of draft.puts())
    if (put.table === 'lineages' && put.row !== null) kept.set(put.key, put.row);
  const byAge = [...kept].sort(([, a], [, b]) => a.epoch - b.epoch || a.gen - b.gen);
  const spare = byAge.slice(0, Math.max(0, kept.size - LIMITS.lineagesKept));
  for (const [old] of spare) draft.remove('lineages', lineageKey(draft.node, deviceOfKey(old)));
}
