import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../release/lockfile.js';
import type { Row } from './rows.js';

/** The title of a test as its source has it: `${...}` where it is made of parts. */
export interface Titled {
  /** `runtime/main`: without `.test.ts`. */
  readonly file: string;
  readonly title: string;
}

const ROOMS = ['protocol', 'journal', 'tunnel', 'runtime', 'mappers', 'cloud', 'hardware-tests'];
const END = '.test.ts';

/** Every title in the sources. */
export function readTitles(): readonly Titled[] {
  const files = ['architecture.test.ts', ...ROOMS.flatMap(testsBelow)];
  return files.flatMap((path) =>
    titlesOf(readFileSync(join(ROOT, path), 'utf8')).map((title) => ({
      ...{ file: path.slice(0, -END.length), title },
    })),
  );
}

/** Of a row: by its id, and by name. */
export function titlesOfRow(row: Row, titles: readonly Titled[]): readonly Titled[] {
  return titles.filter(
    ({ file, title }) =>
      idsOf(title).includes(row.id) ||
      (row.also ?? []).some((one) => one[0] === file && isNamed(title, one[1])),
  );
}

/** A title may begin with the ids of rows: `SetReadLimit, E32, H51: a frame ...`. */
function idsOf(title: string): readonly string[] {
  return (title.split(': ', 1)[0] ?? '').split(', ');
}

export function isNamed(title: string, start: string): boolean {
  return title.startsWith(start) || title.slice(title.indexOf(': ') + 2).startsWith(start);
}

/** Whether a test of this title may have come of that source. */
export function isOf(source: string, title: string): boolean {
  const parts = source
    .split(/\$\{[^}]*\}/)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`).test(title);
}

function testsBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return testsBelow(path);
    return entry.name.endsWith(END) ? [path] : [];
  });
}

/** The first argument of a call of `test`: one literal, quoted in any of three ways. */
const TITLE =
  /\btest(?:\.serial)?\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;

function titlesOf(text: string): string[] {
  return [...text.matchAll(TITLE)].map(([, single, double, parts]) =>
    (single ?? double ?? parts ?? '').replaceAll(/\\(['"`])/g, '$1'),
  );
}
