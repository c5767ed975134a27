import { confirmed } from '#protocol/numbering.js';
import { sameVersion } from '#protocol/twin.js';
import { propertyKey } from '../metamanager/tables.js';
import type { ReportedRow } from '../metamanager/tables.js';
import type { TableReader } from '../metamanager/transaction.js';
import { storeDesired, decideLocal, writeLocally } from './desired.js';
import { Draft } from './draft.js';
import { storeHubDevices } from './hub-devices.js';
import { configure } from './membership.js';
import type {
  AcknowledgedRows,
  DatedReading,
  Transition,
  TwinEvent,
  WriteEnded,
} from './twin-event.js';
import { describedProperty } from './twin-rows.js';
import { welcomed } from './welcome.js';

/**
 * The DeviceTwins as a pure function: the tables as they are and an event give the rows of one
 * transaction, what they touch and what the hub has to learn (docs/sync-protocol.md section 4).
 * Nothing is decided here by a clock.
 */
export function reduce(tables: TableReader, boot: string, event: TwinEvent): Transition {
  const draft = new Draft(tables, boot);
  switch (event.kind) {
    case 'devices':
      configure(draft, event.devices);
      break;
    case 'readings':
      for (const reading of event.readings) report(draft, event.device, reading);
      break;
    case 'write-ended':
      writeEnded(draft, event);
      break;
    case 'local-write':
      writeLocally(draft, event);
      break;
    case 'welcome':
      welcomed(draft, event.welcome);
      break;
    case 'confirmed':
      confirm(draft, boot);
      break;
    case 'acknowledged':
      acknowledge(draft, event.rows);
      break;
    case 'desired':
      for (const row of event.rows) storeDesired(draft, row);
      break;
    case 'hub-devices':
      storeHubDevices(draft, event.rows);
      break;
    case 'local-result':
      decideLocal(draft, event.result);
      break;
    case 'renumber':
      for (const device of new Set(event.devices)) renumber(draft, device);
      break;
  }
  return draft.end();
}

/** Each report takes a number, also an unchanged one: it says that the value is fresh. */
function report(draft: Draft, device: string, reading: DatedReading): void {
  const { property, value, quality, reason, taken, appliedVersion: label } = reading;
  const timestamp = Math.max(0, Math.round(reading.timestamp));
  const row: ReportedRow = {
    n: draft.rows.number(),
    value,
    quality,
    ...(reason === undefined ? {} : { reason }),
    timestamp,
    ...(taken === undefined ? {} : { taken }),
    label,
  };
  const key = propertyKey(device, property);
  const before = draft.rows.get('reported', key);
  draft.reported(device, property, row);
  const desired = draft.rows.get('desired', key);
  if (desired === undefined || !sameVersion(label, desired.version)) return;
  // The label of before says nothing new, and nothing of what another life of this store wrote since.
  if (before !== undefined && sameVersion(before.label, label)) return;
  // A mapper outside this process says with the label alone that its write has ended.
  const applied = draft.rows.get('applied', key);
  if (applied?.lid !== undefined) return;
  if (applied === undefined || !sameVersion(applied.version, label))
    draft.applied(device, property, { version: label });
}

/** Journaled only after the write has ended: a crash in between writes again (section 4.4). */
function writeEnded(draft: Draft, event: WriteEnded): void {
  const { device, property, target, failure } = event;
  const life = draft.rows.get('devices', device);
  if (life === undefined || !sameVersion(life.incarnation, event.incarnation)) return;
  if (failure?.final !== false) {
    const { version, lid, value, fromDocument } = target;
    draft.applied(device, property, {
      version,
      ...(lid === undefined ? {} : { lid }),
      ...(fromDocument === undefined ? {} : { document: value }),
    });
  }
  if (failure === undefined) return;
  const before = draft.rows.get('reported', propertyKey(device, property));
  draft.reported(device, property, {
    n: draft.rows.number(),
    value: before === undefined || before.stale === true ? null : before.value,
    quality: 'bad',
    reason: failure.code,
    timestamp: Math.max(0, Math.round(failure.timestamp)),
    ...(failure.taken === undefined ? {} : { taken: failure.taken }),
    label: target.version,
  });
}

function acknowledge(draft: Draft, { reported, announced }: AcknowledgedRows): void {
  for (const { device, property, n } of reported) {
    const key = propertyKey(device, property);
    if (draft.rows.get('reported', key)?.n === n) draft.acknowledged(key, n);
  }
  for (const { device, n } of announced)
    if (draft.rows.get('devices', device)?.n === n) draft.announced(device, n);
}

/** Only when the hub is KNOWN to have learnt the boots of HELLO (hole H8). */
function confirm(draft: Draft, boot: string): void {
  for (const key of ['state', 'samples']) {
    const row = draft.rows.get('numbering', key);
    if (row === undefined || (row.metIn === boot && row.forks.length === 0)) continue;
    draft.rows.put({ table: 'numbering', key, row: confirmed(row, boot) });
  }
}

/** Repair takes new numbers: the old ones would be ignored for ever (hole H30), stale rows none. */
function renumber(draft: Draft, device: string): void {
  const life = draft.rows.get('devices', device);
  if (life === undefined) return;
  if (life.hub === undefined) draft.device(device, { ...life, n: draft.rows.number() });
  if (life.description === null) return;
  for (const { name } of life.description.properties) {
    const row = draft.rows.get('reported', propertyKey(device, name));
    if (row === undefined || row.stale === true) continue;
    if (describedProperty(life.description, name) !== undefined)
      draft.reported(device, name, { ...row, n: draft.rows.number() });
  }
}
