import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
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
  const begins = (title: string): boolean =>
    title.startsWith(row.id) && !/[a-zA-Z0-9]/.test(title.charAt(row.id.length));
  return titles.filter(
    ({ file, title }) =>
      begins(title) || (row.also ?? []).some((one) => one[0] === file && title.startsWith(one[1])),
  );
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

function titlesOf(text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^test(\.serial)?$/.test(node.expression.getText())) {
      const [title] = node.arguments;
      if (title !== undefined && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title)))
        found.push(ts.isStringLiteralLike(title) ? title.text : title.getText().slice(1, -1));
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('x.ts', text, ts.ScriptTarget.ES2023, true));
  return found;
}
