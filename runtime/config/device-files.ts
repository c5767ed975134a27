import { join } from 'node:path';
import { locateInDocuments } from '#protocol/device-document-locate.js';
import { missingModelHint, readDocuments } from '#protocol/device-document.js';
import type { SourceDocument } from '#protocol/device-document.js';
import type { Device } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';
import { didYouMean } from '#protocol/did-you-mean.js';
import { isMap } from '#protocol/schema-shape.js';
import type { Path } from '#protocol/schema-shape.js';
import { readBounded } from './file.js';
import { expandGlob, isGlob } from './glob.js';
import { formatPath } from '#protocol/config-issue.js';
import type { ConfigIssue } from '#protocol/config-issue.js';
import { CONFIG_LIMITS } from './limits.js';
import { withoutPortLink } from './port-links.js';
import { expandShortForm, missingModels, shortPath } from './short-form.js';
import { parseYaml } from '#protocol/yaml-file.js';
import type { YamlDocument } from '#protocol/yaml-file.js';

/** `before`: the devices that were read before this one; the ports of all without symbolic links. */
export type ValidateDevice = (
  device: Device,
  before?: readonly Device[],
) => readonly DeviceIssue[] | Promise<readonly DeviceIssue[]>;

/** Tells about the pattern itself, at its place in gateway.yaml. */
export type ReportPattern = (
  index: number,
  message: string,
  severity: ConfigIssue['severity'],
) => void;

/** The DeviceModels that come with the product. */
export interface TemplateLibrary {
  names(): Promise<readonly string[]>;
  /** The YAML of one; undefined when there is none. */
  load(name: string): Promise<string | undefined>;
}

export const NO_TEMPLATES: TemplateLibrary = {
  names: () => Promise.resolve([]),
  load: () => Promise.resolve(undefined),
};

/** An issue without its place. */
type Told = Omit<ConfigIssue, 'file' | 'line' | 'column' | 'key'>;

interface LocatedDocument extends SourceDocument {
  /** It was written in the short form: paths must be translated back. */
  readonly isShort: boolean;
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
  library: TemplateLibrary,
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
    for (const yaml of parsed.documents) {
      const value = expandShortForm(yaml.value);
      const isShort = value !== yaml.value;
      const lineOf = (path: Path): number => yaml.place(isShort ? shortPath(path) : path).line;
      documents.push({ source: file, isShort, value, yaml, lineOf });
    }
  }
  // A model that cannot be parsed would be missed by each of its devices: first things first.
  if (issues.some(({ severity }) => severity === 'error')) return { devices: [], issues };

  documents.push(...(await fromLibrary(documents, library)));
  const names = await library.names();
  const read = readDocuments(documents, node === undefined ? {} : { node });
  for (const { document, path, unknownKey, ...issue } of read.issues) {
    const suggested = isModelName(path) ? suggestTemplate(documents[document], names) : {};
    issues.push(placed(documents, document, path, { ...issue, ...suggested }, unknownKey && 'key'));
  }
  const before: Device[] = [];
  for (const source of read.devices) {
    const judged = await withoutPortLink(source.device);
    for (const { path, message, hint, severity = 'error' } of await validate(judged, before)) {
      const found = locateInDocuments(documents, source, path);
      const issue: Told = {
        message: withoutKey(message, path),
        severity,
        ...(hint === undefined ? {} : { hint }),
      };
      issues.push(placed(documents, found.document, found.path, issue));
    }
    before.push(judged);
  }
  return { devices: read.devices.map(({ device }) => device), issues };
}

/** What a mapper says stands alone in `status`; here the key stands before it already. */
function withoutKey(message: string, path: Path): string {
  const key = `${String(path.at(-1))} `;
  return message.startsWith(key) ? message.slice(key.length) : message;
}

/** Models that devices refer to and no file has. A model of a file goes before one of the library. */
async function fromLibrary(
  documents: readonly LocatedDocument[],
  library: TemplateLibrary,
): Promise<LocatedDocument[]> {
  const found: LocatedDocument[] = [];
  for (const { namespace, name } of missingModels(documents.map(({ value }) => value))) {
    const text = await library.load(name);
    if (text === undefined) continue;
    const source = `template ${name}`;
    const { documents: parsed } = await parseYaml(source, text);
    for (const yaml of parsed) {
      if (!isMap(yaml.value) || !isMap(yaml.value['metadata'])) continue;
      const value = { ...yaml.value, metadata: { ...yaml.value['metadata'], namespace } };
      found.push({ source, isShort: false, value, yaml });
    }
  }
  return found;
}

function isModelName(path: Path): boolean {
  return path.join() === 'spec,deviceModelRef,name';
}

function suggestTemplate(
  document: LocatedDocument | undefined,
  names: readonly string[],
): { suggestion?: string; hint?: string } {
  const [missing] = missingModels([document?.value]);
  const suggestion = missing === undefined ? undefined : didYouMean(missing.name, names);
  return suggestion === undefined ? {} : { suggestion, hint: missingModelHint(suggestion) };
}

function placed(
  documents: readonly LocatedDocument[],
  index: number,
  path: Path,
  issue: Told,
  which?: 'key',
): ConfigIssue {
  const document = documents[index];
  if (document === undefined) throw new EdgeError('EDGE_INTERNAL', `no document ${index}`);
  const own = document.isShort ? shortPath(path) : path;
  const { line, column } = document.yaml.place(own, which);
  return { file: document.source, line, column, key: formatPath(own), ...issue };
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
