import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { parseExchanges, type Exchange } from './exchange.js';

/** Templates are shipped as the YAML that they are: beside the sources, or beside a bundle. */
const FOLDERS = ['../../../mappers/templates/', './templates/'];
const EXCHANGES = 'exchanges/';
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const EXTENSION = '.yaml';

/** Names of the DeviceModels that come with this package, sorted. */
export async function templateNames(): Promise<string[]> {
  return namesIn(folder());
}

/** The document of a template, a KubeEdge DeviceModel in YAML; undefined when there is none. */
export async function loadTemplate(name: string): Promise<string | undefined> {
  if (!NAME.test(name) || !(await templateNames()).includes(name)) return undefined;
  return readFile(new URL(`${name}${EXTENSION}`, folder()), 'utf8');
}

/** Whether this may be the name of a template. */
export function isTemplateName(name: string): boolean {
  return NAME.test(name);
}

/** Names of the templates that have exchanges of their device, sorted. */
export async function recordedTemplates(): Promise<string[]> {
  return namesIn(new URL(EXCHANGES, folder()));
}

/** What a device of a template was asked and answered; none of a template that is not there. */
export async function exchangesOf(template: string): Promise<readonly Exchange[]> {
  if (!NAME.test(template) || !(await recordedTemplates()).includes(template)) return [];
  const file = new URL(`${EXCHANGES}${template}${EXTENSION}`, folder());
  return parseExchanges(template, await readFile(file, 'utf8'));
}

async function namesIn(where: URL): Promise<string[]> {
  return (await readdir(where))
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length))
    .sort();
}

/** From what proves most to what proves least of a template: the first three came from such a device. */
const ORIGINS = ['live', 'recorded', 'heard', 'documented', 'register map'] as const;

/**
 * The best origin of the frames that a template is tested with. Those of a `register map` were made
 * from the same table as the template, and cannot show that the table is wrong.
 */
export async function exchangeOrigin(name: string): Promise<string> {
  const given = (await exchangesOf(name)).map(({ origin }) => origin);
  return ORIGINS.find((origin) => given.includes(origin)) ?? 'none';
}

function folder(): URL {
  const found = FOLDERS.map((path) => new URL(path, import.meta.url)).find((url) =>
    existsSync(url),
  );
  return found ?? new URL(FOLDERS[0] ?? '', import.meta.url);
}
