import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

/** Templates are shipped as the YAML that they are: beside the sources, or beside a bundle. */
const FOLDERS = ['../../../mappers/templates/', './templates/'];
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const EXTENSION = '.yaml';

/** Names of the DeviceModels that come with this package, sorted. */
export async function templateNames(): Promise<string[]> {
  const files = await readdir(folder());
  return files
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length))
    .sort();
}

/** The document of a template, a KubeEdge DeviceModel in YAML; undefined when there is none. */
export async function loadTemplate(name: string): Promise<string | undefined> {
  if (!NAME.test(name) || !(await templateNames()).includes(name)) return undefined;
  return readFile(new URL(`${name}${EXTENSION}`, folder()), 'utf8');
}

function folder(): URL {
  const found = FOLDERS.map((path) => new URL(path, import.meta.url)).find((url) =>
    existsSync(url),
  );
  return found ?? new URL(FOLDERS[0] ?? '', import.meta.url);
}
