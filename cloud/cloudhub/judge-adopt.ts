import { FIRST_NUMBERING, confirmed } from '#protocol/numbering.js';
import type { Adopt, DesiredRow } from '#protocol/sync-message-desired.js';
import { compareVersions, equalValues, sameVersion } from '#protocol/twin.js';
import { EdgeError } from '#protocol/errors.js';
import { liveDevice } from '../store/node-rows.js';
import type { Draft } from '../store/node-rows.js';
import { conflictKey, deviceOfKey, propertyKey, propertyOfKey } from '../store/tables.js';
import type { DesiredRecord } from '../store/tables.js';
import { adoptDevices } from './adopt-devices.js';
import { eraOf } from './adoption-era.js';
import type { AdoptionMarks } from './adoption-era.js';
import { withAlarm } from './alarms.js';
import type { Authorizer } from './authorizer.js';
import { putDesired, renumber, writableValue } from './desired-values.js';
import { recordConflict } from './judge-local.js';
import { NOTHING, count, send } from './judgement.js';
import type { DownlinkNews, Effect, Judgement, OpenSession } from './judgement.js';

interface AdoptContext {
  readonly authorizer: Authorizer;
  readonly hubBoot: string;
  readonly wallMs: number;
}

/** Rows of at most 8 KiB each: below what the journal takes at once. */
const SETTLED_MAX = 64;
/** Devices named in one alarm. */
const NAMED = 5;

/**
 * Section 4.7: what the gateway still holds of a hub whose memory went back. Row by row: a value
 * written here since the restore stands, another that the hub cannot have forgotten too, and all
 * else is the gateway's. The mark stays until the last chunk, so a lost session costs only a
 * repetition. A hostile gateway gets no more than local writes give it: its own devices.
 */
export function judgeAdopt(
  draft: Draft,
  session: OpenSession,
  message: Adopt,
  context: AdoptContext,
): Judgement {
  const marks = draft.get('nodes', draft.node);
  const ack = (rejects: readonly { row: number; code: string }[]): Effect =>
    send(session.id, { kind: 'ack', epoch: session.epoch, id: message.id, rejects });
  if (!session.adopt || marks === undefined || marks.adoptMark === null)
    return { ...NOTHING, effects: [ack([])] };

  const rejects: { row: number; code: string }[] = [];
  for (const { version } of message.devices) raiseGeneration(draft, version.gen);
  const devices = adoptDevices(draft, session, message, marks, context);
  const effects: Effect[] = [...devices.effects];
  const downlink: DownlinkNews[] = [...devices.downlink];
  let adopted = 0;
  message.rows.forEach((row, index) => {
    const code = refusal(draft, row, context.authorizer);
    if (code !== undefined) {
      rejects.push({ row: index, code });
      return;
    }
    const merged = merge(draft, row, marks, context);
    if (merged === 'kept') return;
    if (merged === 'adopted') adopted++;
    const { device, property } = row;
    effects.push({ kind: 'desired', device, property });
    downlink.push({ kind: 'changed', device, property });
  });
  effects.push(count('desiredAdopted', adopted), count('desiredNotAdopted', rejects.length));
  raiseNotAdopted(
    draft,
    [
      ...devices.rejects,
      ...rejects.map(({ row, code }) => ({ device: message.rows[row]?.device ?? '', code })),
    ],
    context.wallMs,
    effects,
  );
  if (message.last) {
    for (const news of settleRest(draft, marks.adoptMark, context.hubBoot)) {
      effects.push({ kind: 'desired', device: news.device, property: news.property });
      downlink.push({ kind: 'changed', ...news });
    }
    finish(draft, context.hubBoot, effects);
  }
  return {
    ...NOTHING,
    effects: [...effects, ack(rejects)],
    downlink,
    claims: devices.claims,
    ...(message.last ? { adopted: true } : {}),
  };
}

function refusal(draft: Draft, row: DesiredRow, authorizer: Authorizer): string | undefined {
  if (authorizer.isForeign(row.device)) return 'EDGE_FORBIDDEN';
  const live = liveDevice(draft, draft.node, row.device);
  if (live === undefined) return 'EDGE_NO_DEVICE';
  if (!sameVersion(live.incarnation, row.incarnation)) return 'EDGE_INCARNATION';
  try {
    writableValue(draft, draft.node, row.device, row.property, row.value);
    return undefined;
  } catch (error) {
    return EdgeError.from(error).code;
  }
}

function merge(
  draft: Draft,
  row: DesiredRow,
  marks: AdoptionMarks,
  { hubBoot, wallMs }: AdoptContext,
): 'adopted' | 'renumbered' | 'kept' {
  const { device, property, version, value, origin, later } = row;
  const key = propertyKey(draft.node, device, property);
  raiseGeneration(draft, version.gen);
  const own = draft.get('desired', key);
  const era = eraOf(marks, version.n);
  if (own === undefined || era > eraOf(marks, own.version.n)) {
    putDesired(draft, hubBoot, device, property, {
      value: writableValue(draft, draft.node, device, property, value),
      ...(origin === undefined ? {} : { origin }),
      ...(later === undefined ? {} : { later }),
      since: row.since ?? version,
      actor: `adopted:${draft.node}`,
      at: wallMs,
    });
    return 'adopted';
  }
  const isOfGateway = own.since !== undefined && sameVersion(own.since, row.since ?? version);
  const isOther = !equalValues(own.value, value);
  // Not in a repetition after a lost session: what stands was the gateway's, or came after it.
  if (era > 0 && isOther && !isOfGateway)
    recordConflict(draft, `${conflictKey(draft.node, version)}.adopted`, {
      device,
      property,
      lid: version,
      base: version,
      local: value,
      cloud: { version: own.version, value: own.value },
      at: wallMs,
    });
  if (compareVersions(own.version, version) > 0) return 'kept';
  if (sameVersion(own.version, version) && !isOther) return 'kept';
  // Another value under a lower or the same number: only a new number goes over the gateway's.
  if (isOther) putDesired(draft, hubBoot, device, property, plainRecord(own));
  else renumber(draft, hubBoot, device, property, own);
  return 'renumbered';
}

/** Another value than the gateway's: a local write based on that one has lost. */
function plainRecord(record: DesiredRecord): Omit<DesiredRecord, 'version'> {
  const { value, origin, later, actor, at } = record;
  return {
    ...{ value, actor, at },
    ...(origin === undefined ? {} : { origin }),
    ...(later === undefined ? {} : { later }),
  };
}

/** A gateway that did not present the generation at HELLO shows it in its rows. */
function raiseGeneration(draft: Draft, gen: number): void {
  const node = draft.get('nodes', draft.node);
  if (node !== undefined && node.hubGen <= gen)
    draft.put('nodes', draft.node, { ...node, hubGen: gen + 1 });
}

function raiseNotAdopted(
  draft: Draft,
  rejects: readonly { readonly device: string; readonly code: string }[],
  wallMs: number,
  effects: Effect[],
): void {
  const node = draft.get('nodes', draft.node);
  if (rejects.length === 0 || node === undefined) return;
  const named = new Set(rejects.map(({ device, code }) => `${device} (${code})`));
  const more = named.size > NAMED ? ` and ${named.size - NAMED} more` : '';
  const alarm = {
    code: 'EDGE_NOT_ADOPTED',
    detail: `Only the gateway holds devices or desired values of ${[...named].slice(0, NAMED).join(', ')}${more}.`,
  } as const;
  draft.put('nodes', draft.node, withAlarm(node, { ...alarm, at: wallMs }));
  effects.push({ kind: 'alarm', ...alarm }, { kind: 'node' });
}

/**
 * Values written here since the restore that the gateway has none for: they have numbers of a
 * history that it has left. As many as one transaction takes; for the others nothing depends on it.
 */
function settleRest(
  draft: Draft,
  mark: number,
  hubBoot: string,
): { device: string; property: string }[] {
  const gen = draft.get('nodes', draft.node)?.hubGen ?? 1;
  const settled: { device: string; property: string }[] = [];
  for (const key of draft.base.all('desired').keys()) {
    const record = draft.get('desired', key);
    if (record === undefined || record.version.n <= mark || record.version.gen >= gen) continue;
    if (settled.length === SETTLED_MAX) break;
    const [device, property] = [deviceOfKey(key), propertyOfKey(key)];
    putDesired(draft, hubBoot, device, property, plainRecord(record));
    settled.push({ device, property });
  }
  return settled;
}

/** This gateway holds nothing any more that this hub does not know. */
function finish(draft: Draft, hubBoot: string, effects: Effect[]): void {
  const node = draft.get('nodes', draft.node);
  if (node === undefined) return;
  const alarms = node.alarms.filter(({ code }) => code !== 'EDGE_HUB_RESTORED');
  draft.put('nodes', draft.node, { ...node, adoptMark: null, laterMarks: [], alarms });
  const numbering = draft.get('numberings', draft.node) ?? FIRST_NUMBERING;
  draft.put('numberings', draft.node, confirmed(numbering, hubBoot));
  effects.push(count('adoptionsDone'), { kind: 'node' });
}
