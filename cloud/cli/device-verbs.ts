import { readBoundedText } from '#journal/bounded-file.js';
import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { textTable } from '#protocol/command-line/text-table.js';
import { devicePath } from '#protocol/command-line/twin-verbs.js';
import { configError, formatIssues, formatPath } from '#protocol/config-issue.js';
import type { ConfigIssue } from '#protocol/config-issue.js';
import { readDocuments } from '#protocol/device-document.js';
import { EdgeError } from '#protocol/errors.js';
import type { HubDeviceDocuments } from '#protocol/hub-device.js';
import type { Path } from '#protocol/schema-shape.js';
import { parseYaml } from '#protocol/yaml-file.js';
import type { YamlDocument } from '#protocol/yaml-file.js';
import type { PutDocument } from '../api/device-routes.js';

/** Bytes of one file of devices: some 300 of them. */
const FILE_BYTES_MAX = 1024 * 1024;

/** A device of the files, as it is sent. */
interface Wanted extends HubDeviceDocuments {
  readonly id: string;
}

/** Documents of all files together: a model may stand in another file than its devices. */
interface Place {
  readonly file: string;
  readonly yaml: YamlDocument;
}

/**
 * `apply`: everything is checked first, here and by the hub; only when nothing is wrong is anything
 * changed. A device that is at the hub already is replaced by what the file says.
 */
export async function apply(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const { devices, warnings } = await readFiles(args.texts('file'));
  if (devices.length === 0)
    throw new EdgeError('EDGE_CONFIG', 'there is no Device in these files', {
      hint: 'A Device names its DeviceModel and, in spec.nodeName, its gateway.',
    });
  const isDryRun = args.on('dry-run');
  const checked = await putAll(client, devices, true);
  const answers = isDryRun ? checked : await putAll(client, devices, false);
  if (args.on('json')) {
    terminal.out(`${JSON.stringify({ devices: answers, warnings })}\n`);
    return;
  }
  if (warnings.length > 0) terminal.err(`${formatIssues(warnings)}\n`);
  const rows = answers.map(({ device, node, change }) => [
    ...[device, node, isDryRun ? `would be ${change}` : change],
  ]);
  terminal.out(textTable(['DEVICE', 'NODE', 'CHANGE'], rows));
}

/** `delete device`. */
export async function deleteDevice(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const name = args.required('NAMESPACE/NAME');
  const path = devicePath(name);
  await client.request({ method: 'DELETE', path });
  const device = path.split('/').slice(-2).map(decodeURIComponent).join('/');
  const json = `${JSON.stringify({ deleted: device })}\n`;
  terminal.out(args.on('json') ? json : `deleted ${device}\n`);
}

async function putAll(
  client: ControlClient,
  devices: readonly Wanted[],
  isDryRun: boolean,
): Promise<PutDocument[]> {
  const answers: PutDocument[] = [];
  for (const { id, device, model } of devices) {
    const path = `${devicePath(id)}${isDryRun ? '?dryRun=true' : ''}`;
    const { body } = await client.request({ method: 'PUT', path, body: { device, model } });
    answers.push(body as PutDocument);
  }
  return answers;
}

async function readFiles(
  files: readonly string[],
): Promise<{ devices: readonly Wanted[]; warnings: readonly ConfigIssue[] }> {
  const issues: ConfigIssue[] = [];
  const places: Place[] = [];
  for (const file of files) {
    const parsed = await parseYaml(file, await textOf(file));
    issues.push(...parsed.issues);
    places.push(...parsed.documents.map((yaml) => ({ file, yaml })));
  }
  // A model that cannot be parsed would be missed by each of its devices: first things first.
  if (hasErrors(issues)) throw configError(issues);
  const read = readDocuments(places.map(({ file, yaml }) => ({ source: file, value: yaml.value })));
  for (const { document, path, unknownKey, ...issue } of read.issues)
    issues.push(placed(places, document, path, issue, unknownKey && 'key'));
  for (const { deviceDocument, nodeName } of read.devices)
    if (nodeName === undefined)
      issues.push(
        placed(places, deviceDocument, ['spec', 'nodeName'], {
          message: 'is missing',
          hint: 'Write the name of the gateway that the device is connected to.',
          severity: 'error',
        }),
      );
  if (hasErrors(issues)) throw configError(issues);
  const devices = read.devices.map(({ device, deviceDocument, modelDocument }) => ({
    id: device.id,
    device: places[deviceDocument]?.yaml.value,
    model: places[modelDocument]?.yaml.value,
  }));
  return { devices, warnings: issues };
}

async function textOf(file: string): Promise<string> {
  try {
    return await readBoundedText(file, FILE_BYTES_MAX);
  } catch (cause) {
    const { code, message, hint } = EdgeError.from(cause);
    throw new EdgeError(code, `${file}: ${message}`, {
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

function placed(
  places: readonly Place[],
  document: number,
  path: Path,
  issue: Omit<ConfigIssue, 'file' | 'line' | 'column' | 'key'>,
  which?: 'key',
): ConfigIssue {
  const { file = '', yaml } = places[document] ?? {};
  const { line, column } = yaml?.place(path, which) ?? { line: 1, column: 1 };
  return { file, line, column, key: formatPath(path), ...issue };
}

function hasErrors(issues: readonly ConfigIssue[]): boolean {
  return issues.some(({ severity }) => severity === 'error');
}
