import { createHash } from 'node:crypto';
import { formatVersion } from '#protocol/twin.js';
import type { Put } from '#journal/store.js';
import { deviceOfKey, nodeOfKey, propertyOfKey } from '../store/tables.js';
import type {
  CommandRecord,
  DesiredRecord,
  HubDeviceRecord,
  HubPut,
  HubTables,
} from '../store/tables.js';
import type { CertificateRow, EnrolmentTables } from '../enrolment/tables.js';
import type { AuditEntry } from './tables.js';

type Tables = HubTables & EnrolmentTables;

/** The row that a put replaces. */
export type RowBefore = <T extends keyof Tables>(table: T, key: string) => Tables[T] | undefined;

/**
 * What a put of the fleet's tables is to the audit trail; undefined: nothing that a person or a
 * program of people did. Writes at gateways are not recorded here: they are the gateway's own, and
 * a hostile one could push everything else out of the trail.
 */
export function auditOf(
  put: HubPut | Put<EnrolmentTables>,
  before: RowBefore,
): AuditEntry | undefined {
  if (put.row === null) return undefined;
  const { key } = put;
  if (put.table === 'desired') return ofDesired(key, before('desired', key), put.row);
  if (put.table === 'commands') return ofCommand(key, before('commands', key), put.row);
  if (put.table === 'certificates') return ofCertificate(key, before('certificates', key), put.row);
  if (put.table === 'hubDevices') return ofDevice(key, before('hubDevices', key), put.row);
  return undefined;
}

/** A repair gives a value another number: nobody asked for that. */
function ofDesired(
  key: string,
  before: DesiredRecord | undefined,
  after: DesiredRecord,
): AuditEntry | undefined {
  if (!isPerson(after.actor) || after.since !== undefined) return undefined;
  return {
    actor: after.actor,
    action: 'desired.set',
    subject: `${deviceOfKey(key)}/${propertyOfKey(key)}`,
    node: nodeOfKey(key),
    ...(before === undefined ? {} : { before: valueOf(before) }),
    after: valueOf(after),
  };
}

function ofCommand(
  key: string,
  before: CommandRecord | undefined,
  { actor, id, device, method, args, ttlMs }: CommandRecord,
): AuditEntry | undefined {
  if (before !== undefined) return undefined;
  return {
    ...{ actor, action: 'command.run', subject: device, node: nodeOfKey(key) },
    after: { command: id, method, args, ttlMs },
  };
}

function ofDevice(
  key: string,
  before: HubDeviceRecord | undefined,
  after: HubDeviceRecord,
): AuditEntry | undefined {
  const [old, young] = [before?.documents ?? null, after.documents];
  if (!isPerson(after.actor) || old === young) return undefined;
  return {
    actor: after.actor,
    action: young === null ? 'device.delete' : old === null ? 'device.create' : 'device.update',
    subject: deviceOfKey(key),
    node: nodeOfKey(key),
    ...(before === undefined || old === null ? {} : { before: documentsOf(before) }),
    ...(young === null ? {} : { after: documentsOf(after) }),
  };
}

function ofCertificate(
  serial: string,
  before: CertificateRow | undefined,
  { node, fingerprint, from }: CertificateRow,
): AuditEntry | undefined {
  if (before !== undefined) return undefined;
  const action = 'token' in from ? 'node.join' : 'node.renew';
  const after = { serial, fingerprint, from };
  return { actor: `node:${node}`, action, subject: node, node, after };
}

function valueOf({ value, version }: DesiredRecord): unknown {
  return { value, version: formatVersion(version) };
}

/** Up to 64 KiB of documents: their hash says whether they are those that somebody keeps. */
function documentsOf({ documents, version }: HubDeviceRecord): unknown {
  const text = documents ?? '';
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { version: formatVersion(version), chars: text.length, sha256 };
}

function isPerson(actor: string): boolean {
  return actor.startsWith('operator:');
}
