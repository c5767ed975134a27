import { LIMITS } from '#protocol/limits.js';
import { FIRST_NUMBERING, mark } from '#protocol/numbering.js';
import type { Hello } from '#protocol/sync-message.js';
import { HUB_LIMITS } from '../limits.js';
import { Draft } from '../store/node-rows.js';
import type { NodeRows } from '../store/node-rows.js';
import { deviceOfKey, lineageKey } from '../store/tables.js';
import type { Alarm, LineageRow, NodeRow } from '../store/tables.js';
import { lastMark } from './adoption-era.js';
import type { AdoptionMarks } from './adoption-era.js';
import { hasAlarm, withAlarm } from './alarms.js';

/** Where the numbers of a gateway stand after HELLO. */
export interface HelloDecision {
  readonly lineage: string;
  readonly gen: number;
  readonly fork: boolean;
  readonly resync: boolean;
  readonly known: { readonly state: number; readonly samples: number };
  /** On a fork: of the presented lineage. */
  readonly priorGen?: number;
  /** On a fork: up to which sample the new lineage is one with the presented one. */
  readonly branch?: number;
  /** What this gateway can have seen of this hub's desired values; null: no other life of it. */
  readonly adoptMark: number | null;
  readonly laterMarks?: readonly number[];
}

/**
 * Section 4.1 at HELLO. It reads and changes nothing: HELLO makes `offer` durable, the first
 * message of the session the rest, if the same HELLO still gives the same decision then.
 */
export function decideHello(rows: NodeRows, hello: Hello, freshLineage: string): HelloDecision {
  const node = rows.get('nodes', rows.name);
  return {
    ...decideNumbers(rows, hello, node?.learntBoots ?? [], freshLineage),
    ...decideAdoption(rows, node, hello),
  };
}

/**
 * What must be durable before WELCOME: the epoch, a lineage that the gateway may come back with
 * although READY was lost, and that this hub was found to be restored, which a gateway that has
 * heard this hub's boot would not show again. Nothing else, since a HELLO may be the late one of a
 * process that is dead; above all no boots are learnt (hole H7). Returns the epoch.
 */
export function offer(
  draft: Draft,
  hello: Hello,
  decision: HelloDecision,
  fresh: { readonly hubLineage: string },
): number {
  const before = draft.get('nodes', draft.node) ?? newNode(fresh.hubLineage);
  // Above both, so that neither a restored hub nor a restored gateway is stuck (hole H26).
  const epoch = Math.max(before.epoch, hello.lastEpoch) + 1;
  const { adoptMark, laterMarks = [] } = decision;
  const isFound = lastMark(decision) !== lastMark(before);
  const forked = isFound
    ? forkDesired(before, hello, fresh.hubLineage)
    : raiseHubGen(before, hello);
  const marks = { adoptMark, ...(laterMarks.length === 0 ? {} : { laterMarks }) };
  draft.put('nodes', draft.node, { ...forked, epoch, ...marks });
  if (adoptMark !== null) raiseDesired(draft, hello.maxDesired);
  const key = lineageKey(draft.node, decision.lineage);
  if (draft.get('lineages', key)?.gen !== decision.gen)
    draft.put('lineages', key, {
      gen: decision.gen,
      maxState: decision.known.state,
      samplesStored: decision.known.samples,
      resync: decision.resync,
      epoch,
      offered: true,
      ...(decision.branch === undefined ? {} : { parent: hello.lineage, branch: decision.branch }),
    });
  touchLineages(draft, [hello.lineage, decision.lineage], epoch);
  return epoch;
}

/**
 * A new history of desired values, above both: what is numbered in it is newer than whatever the
 * gateway holds.
 */
function forkDesired(node: NodeRow, { hubGen = 0 }: Hello, freshLineage: string): NodeRow {
  const formers = [...(node.formerHubLineages ?? []), node.hubLineage];
  return {
    ...node,
    hubLineage: freshLineage,
    hubGen: Math.max(node.hubGen, hubGen) + 1,
    formerHubLineages: formers.slice(-HUB_LIMITS.formerHubLineages),
  };
}

/** A history that is given may still be below another store of the node: in adoption, over that too. */
function raiseHubGen(node: NodeRow, { hubGen = 0 }: Hello): NodeRow {
  const isBelow = node.adoptMark !== null && hubGen > node.hubGen;
  return isBelow ? { ...node, hubGen: hubGen + 1 } : node;
}

/** The counter never falls below what the gateway has stored. */
function raiseDesired(draft: Draft, maxDesired: number): void {
  const numbering = draft.get('numberings', draft.node) ?? FIRST_NUMBERING;
  if (numbering.value >= maxDesired) return;
  draft.put('numberings', draft.node, { ...numbering, value: maxDesired });
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

/** True for numbers so far ahead that only a hostile or broken gateway presents them. */
export function isOutOfReach(node: NodeRow | undefined, hello: Hello): boolean {
  const { lastEpoch, gen = 0, hubGen = 0, maxDesired } = hello;
  return (
    lastEpoch > (node?.epoch ?? 0) + HUB_LIMITS.epochStep ||
    Math.max(gen, hubGen) > HUB_LIMITS.generations ||
    maxDesired > HUB_LIMITS.desiredNumbers
  );
}

/** Conditions that the first message of the session raises. */
export function alarmsOf(
  node: NodeRow,
  hello: Hello,
  { fork, resync }: { readonly fork: boolean; readonly resync: boolean },
  wallMs: number,
): Alarm[] {
  const restored = fork
    ? 'The gateway runs on a restored, older store.'
    : resync
      ? 'The gateway runs on a store not seen here.'
      : hello.lastEpoch < node.metEpoch
        ? 'The gateway forgot its last session: its store is older.'
        : undefined;
  const detail = fallbackOf(hello);
  return [
    ...(isClone(node, hello)
      ? [
          {
            code: 'EDGE_CLONE',
            detail: 'A gateway process that was replaced is back: two are alive.',
            at: wallMs,
          } as const,
        ]
      : []),
    ...(restored === undefined
      ? []
      : [{ code: 'EDGE_GATEWAY_RESTORED', detail: restored, at: wallMs } as const]),
    ...(detail === undefined || hasAlarm(node, { code: 'EDGE_CONFIG', detail })
      ? []
      : [{ code: 'EDGE_CONFIG', detail, at: wallMs } as const]),
  ];
}

/** A gateway's own words, on one line of a person's terminal. */
function fallbackOf({ fallback }: Hello): string | undefined {
  return fallback?.replaceAll(/[\0-\x1f\x7f-\x9f\u2028\u2029]+/g, ' ');
}

/** A retired boot came back: two processes live (section 4.10). */
export function isClone(node: NodeRow | undefined, { boot }: Hello): boolean {
  return node !== undefined && node.boot !== boot && node.retiredBoots.includes(boot);
}

/** The node after the first message of its session: this process is the one that lives. */
export function metNode(
  node: NodeRow,
  hello: Hello,
  epoch: number,
  alarms: readonly Alarm[],
): NodeRow {
  const boots = bootsOf(hello);
  const others = node.learntBoots.filter((boot) => !boots.includes(boot));
  const detail = fallbackOf(hello);
  const standing = node.alarms.filter(
    (alarm) => alarm.code !== 'EDGE_CONFIG' || alarm.detail === detail,
  );
  return alarms.reduce(withAlarm, {
    ...node,
    ...retire(node, hello.boot),
    alarms: standing,
    metEpoch: epoch,
    learntBoots: [...others, ...boots].slice(-LIMITS.gatewayBootsKept),
    software: hello.software,
  });
}

/** Boots whose numbers this gateway used, the present one last. */
function bootsOf(hello: Hello): string[] {
  const forks = [...hello.state.forks, ...hello.samples.forks];
  return [...new Set([...forks.map(({ boot }) => boot), hello.boot])];
}

function retire(node: NodeRow, boot: string): Pick<NodeRow, 'boot' | 'retiredBoots'> {
  if (node.boot === boot) return node;
  const others = node.retiredBoots.filter((other) => other !== boot && other !== node.boot);
  const retired = node.boot === '' ? others : [...others, node.boot];
  return { boot, retiredBoots: retired.slice(-LIMITS.retiredBootsKept) };
}

type Numbers = Omit<HelloDecision, keyof AdoptionMarks>;

/**
 * A lineage that was only offered does not displace the current one, but is current for the
 * gateway that presents it: it has WELCOME, and its READY was lost.
 */
function decideNumbers(
  rows: NodeRows,
  hello: Hello,
  learnt: readonly string[],
  freshLineage: string,
): Numbers {
  const lineages = [...rows.all('lineages').values()];
  const presented = rows.get('lineages', lineageKey(rows.name, hello.lineage));
  const current = highestGen(lineages.filter(({ offered }) => offered !== true));
  const highest = highestGen(lineages);
  const next = Math.max(highest, hello.gen ?? 0) + 1;
  const same = { lineage: hello.lineage, fork: false, resync: false };
  const nothing = { state: 0, samples: 0 };
  if (presented === undefined) {
    // A hub that knows nothing of this node lets its generation go on.
    const gen = highest === 0 ? Math.max(1, hello.gen ?? 0) : next;
    return { ...same, gen, known: nothing, resync: current > 0 };
  }

  const marks = { state: mark(hello.state, learnt), samples: mark(hello.samples, learnt) };
  const { gen, resync, maxState, samplesStored } = presented;
  const isAhead = maxState > marks.state || samplesStored > marks.samples;
  if (gen >= current && !isAhead)
    return { ...same, gen, known: { state: maxState, samples: samplesStored }, resync };
  // It may name rows by a generation that another store was given before.
  if (resync) return { ...same, gen: next, known: nothing, resync };
  // Never less than the mark: another life may have delivered newer values of this history since.
  const known = {
    state: marks.state,
    samples: Math.min(marks.samples, reach(rows, hello.lineage)),
  };
  const fork = { lineage: freshLineage, gen: next, fork: true, resync: false, known };
  return { ...fork, priorGen: gen, branch: marks.samples };
}

/** The samples of this history that the hub has, also through what was forked from it since. */
function reach(rows: NodeRows, lineage: string): number {
  const stored = rows.get('lineages', lineageKey(rows.name, lineage))?.samplesStored ?? 0;
  const forks = [...rows.all('lineages')].filter(([, { parent }]) => parent === lineage);
  const reached = forks.map(([key, { branch = 0 }]) =>
    Math.min(branch, reach(rows, deviceOfKey(key))),
  );
  return Math.max(stored, ...reached);
}

/** The lineage was offered at an earlier HELLO, to a store that is not the one known before. */
export function isNewHistory(rows: NodeRows, lineage: string): boolean {
  const row = rows.get('lineages', lineageKey(rows.name, lineage));
  const met = [...rows.all('lineages').values()].some(({ offered }) => offered !== true);
  return met && row?.offered === true;
}

function highestGen(lineages: readonly LineageRow[]): number {
  return Math.max(0, ...lineages.map(({ gen }) => gen));
}

/**
 * The desired side mirrored: what the gateway stored beyond the mark was numbered by another life
 * of this hub. The finding is kept, since the next session alone would not show it (hole H12).
 */
function decideAdoption(rows: NodeRows, node: NodeRow | undefined, hello: Hello): AdoptionMarks {
  const numbering = rows.get('numberings', rows.name) ?? FIRST_NUMBERING;
  const hubMark = mark(numbering, hello.hubBoots);
  const isAhead = hello.maxDesired > hubMark;
  const formers = node?.formerHubLineages ?? [];
  if (node !== undefined && node.adoptMark !== null) {
    // Restored into the middle of its adoption (hole H44); to a gateway that has not met the hub
    // since it was found to be restored, that is no news.
    const { adoptMark, laterMarks = [] } = node;
    const isSince = hello.hubLineage !== '' && !formers.includes(hello.hubLineage);
    const isFoundAgain = isAhead && isSince && hubMark > (laterMarks.at(-1) ?? adoptMark);
    if (!isFoundAgain) return { adoptMark, laterMarks };
    return { adoptMark, laterMarks: [...laterMarks, hubMark].slice(-HUB_LIMITS.laterMarks) };
  }
  if (hello.hubLineage === '') return { adoptMark: null };
  const isOther = hello.hubLineage !== node?.hubLineage && !formers.includes(hello.hubLineage);
  return { adoptMark: isOther || isAhead ? hubMark : null };
}

/**
 * Keeps these lineages among the most recent, and forgets the least recent beyond the limit; the
 * current one stays, however many were offered to processes that died.
 */
function touchLineages(draft: Draft, lineages: readonly string[], epoch: number): void {
  const spared = new Set(lineages.map((lineage) => lineageKey(draft.node, lineage)));
  for (const key of spared) {
    const row = draft.get('lineages', key);
    if (row !== undefined) draft.put('lineages', key, { ...row, epoch });
  }
  const kept = new Map<string, LineageRow>(draft.base.all('lineages'));
  for (const [key, row] of draft.changes('lineages')) if (row !== null) kept.set(key, row);
  const current = highestGen([...kept.values()].filter(({ offered }) => offered !== true));
  const byAge = [...kept]
    .filter(([key, { gen }]) => !spared.has(key) && gen !== current)
    .sort(([, a], [, b]) => a.epoch - b.epoch || a.gen - b.gen);
  const spare = byAge.slice(0, Math.max(0, kept.size - LIMITS.lineagesKept));
  for (const [old] of spare) draft.remove('lineages', lineageKey(draft.node, deviceOfKey(old)));
}
