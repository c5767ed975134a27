import type { DocumentIssue } from './device-document-issues.js';
import { readDocuments } from './device-document.js';
import type { SourceDocument } from './device-document.js';
import type { Device, DeviceId } from './device.js';
import { fnv1a64 } from './digest.js';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { formatVersion } from './twin.js';
import type { Version } from './twin.js';
import { parseBoundedJson } from './value-check-json.js';

/** A device that the hub creates: its KubeEdge documents, not judged yet. */
export interface HubDeviceDocuments {
  readonly device: unknown;
  readonly model: unknown;
}

/** Of what `checkHubDevice` objects to: which of the two documents. */
export const DOCUMENT_NAMES = ['device', 'model'] as const;

/** The device of the two documents, if nothing is wrong with them. Never throws. */
export function checkHubDevice({ device, model }: HubDeviceDocuments): {
  readonly device?: Device;
  /** The gateway that the device document names; undefined: none. */
  readonly node?: string | undefined;
  readonly issues: readonly DocumentIssue[];
} {
  const documents: SourceDocument[] = [
    { value: device, source: 'device' },
    { value: model, source: 'model' },
  ];
  const { devices, issues } = readDocuments(documents);
  const [found, second] = devices;
  const isSound = issues.every(({ severity }) => severity !== 'error');
  if (found === undefined || second !== undefined || !isSound) {
    const path = ['kind'];
    const missing = { document: 0, path, message: 'is not Device', severity: 'error' } as const;
    return { issues: isSound ? [...issues, missing] : issues };
  }
  return { device: found.device, node: found.nodeName, issues };
}

/** What travels and is stored of a device: JSON. Throws EDGE_LIMIT beyond LIMITS.documentChars. */
export function writeHubDocuments({ device, model }: HubDeviceDocuments): string {
  const text = JSON.stringify([device, model]);
  if (text.length <= LIMITS.documentChars) return text;
  throw new EdgeError('EDGE_LIMIT', `the documents have ${text.length} characters`, {
    hint: `A device and its model have at most ${LIMITS.documentChars} together, as JSON.`,
  });
}

/** Throws EDGE_MALFORMED, EDGE_LIMIT, or EDGE_CONFIG for what a newer or broken hub has sent. */
export function readHubDocuments(id: DeviceId, text: string): Device {
  const documents = parseBoundedJson(text, LIMITS.jsonDepth + 1);
  if (!Array.isArray(documents))
    throw new EdgeError('EDGE_MALFORMED', `the documents of ${id} are no list`);
  const [own, model] = documents as readonly unknown[];
  const { device, issues } = checkHubDevice({ device: own, model });
  if (device?.id === id) return device;
  const why = issues.find(({ severity }) => severity === 'error');
  const where = why === undefined ? '' : `: ${why.path.join('.')} ${why.message}`;
  throw new EdgeError('EDGE_CONFIG', `the documents of ${id} are wrong${where}`);
}

/**
 * 16 hexadecimal digits over the devices of the hub that live, by id and version, in any order: a
 * hub that computes another sends what it has. Undefined when there is none.
 */
export function hubDevicesDigest(
  rows: Iterable<{ readonly device: DeviceId; readonly version: Version }>,
): string | undefined {
  const lines = Array.from(rows, ({ device, version }) => `${device} ${formatVersion(version)}\n`);
  return lines.length === 0 ? undefined : fnv1a64(new TextEncoder().encode(lines.sort().join('')));
}
