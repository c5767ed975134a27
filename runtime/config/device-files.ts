import { join } from 'node:path';
import { locateInDocuments } from '#protocol/device-document-locate.js';
import { readDocuments } from '#protocol/device-document.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import type { Path } from '#protocol/schema-shape.js';
import { readBounded } from './file.js';
import { expandGlob, isGlob } from './glob.js';
import { formatPath } from './issue.js';
import type { ConfigIssue } from './issue.js';
import { CONFIG_LIMITS } from './limits.js';
import { parseYaml } from './yaml-file.js';
import type { YamlDocument } from './yaml-file.js';

export type ValidateDevice = (
  device: Device,
) => readonly DeviceIssue[] | Promise<readonly DeviceIssue[]>;

/** Tells about the pattern itself, at its place in gateway.yaml. */
export type ReportPattern = (
  index: number,
  message: string,
  severity: ConfigIssue['severity'],
) => void;

interface LocatedDocument {
  readonly source: string;
  readonly value: unknown;
  readonly yaml: YamlDocument;
}

/**
 * Reads the devices of all files that the patterns match, lets their mappers judge them, and
 * collects every issue with its place.
 */
export async function readDevices(
  folder: string,
  patterns: readonly string[],
  node: string | undefined,
  validate: ValidateDevice,
  reportPattern: ReportPattern,
): Promise<{ devices: readonly Device[]; issues: readonly ConfigIssue[] }> {
  const issues: ConfigIssue[] = [];
  const documents: LocatedDocument[] = [];
  for (const name of await matchingFiles(folder, patterns, reportPattern)) {
    const file = name.startsWith('/') ? name : join(folder, name);
    const text = await readBounded(file);
    if (typeof text !== 'string') {
      issues.push(text);
      continue;
    }
    const parsed = await parseYaml(file, text);
    issues.push(...parsed.issues);
    for (const yaml of parsed.documents) documents.push({ source: file, value: yaml.value, yaml });
  }
  // A model that cannot be parsed would be missed by each of its devices: first things first.
  if (issues.some(({ severity }) => severity === 'error')) return { devices: [], issues };

  const read = readDocuments(documents, node === undefined ? {} : { node });
  for (const { document, path, unknownKey, ...issue } of read.issues)
    issues.push(placed(documents, document, path, issue, unknownKey && 'key'));
  for (const source of read.devices)
    for (const { path, message, hint } of await validate(source.device)) {
      const found = locateInDocuments(documents, source, path);
      const issue = {
        message,
        severity: 'error',
        ...(hint === undefined ? {} : { hint }),
      } as const;
      issues.push(placed(documents, found.document, found.path, issue));
    }
  return { devices: read.devices.map(({ device }) => device), issues };
}

function placed(
  documents: readonly LocatedDocument[],
  index: number,
  path: Path,
  issue: Omit<ConfigIssue, 'file' | 'line' | 'column' | 'key'>,
  which?: 'key',
): ConfigIssue {
  const document = documents[index];
  if (document === undefined) throw new EdgeError('EDGE_INTERNAL', `no document ${index}`);
  const { line, column } = document.yaml.place(path, which);
  return { file: document.source, line, column, key: formatPath(path), ...issue };
}

async function matchingFiles(
  folder: string,
  patterns: readonly string[],
  report: ReportPattern,
): Promise<ReadonlySet<string>> {
  const files = new Set<string>();
  for (const [index, pattern] of patterns.entries()) {
    try {
      const found = await expandGlob(folder, pattern);
      for (const file of found) files.add(file);
      if (found.length === 0 && isGlob(pattern)) report(index, 'matches no file', 'warning');
      else if (found.length === 0) report(index, `is ${pattern}, which is no file`, 'error');
    } catch (thrown) {
      report(index, EdgeError.from(thrown).message, 'error');
    }
  }
  if (files.size > CONFIG_LIMITS.deviceFiles) {
    report(0, `matches ${files.size} files, over ${CONFIG_LIMITS.deviceFiles}`, 'error');
    return new Set();
  }
  return files;
}
