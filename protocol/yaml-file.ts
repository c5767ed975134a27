import type { CST, Document, ErrorCode, LineCounter, Node, Pair, ParsedNode } from 'yaml';
import { formatPath } from './config-issue.js';
import type { ConfigIssue } from './config-issue.js';
import type { Path } from './schema-shape.js';

/** Bounds of a person's files: a mistake must not hang the program. */
const YAML_LIMITS = {
  /** Nodes that aliases may stand for, for each anchor: YAML's billion laughs. */
  aliases: 100,
  /** Levels of maps and lists in a file; the parser behind this bound recurses. */
  nesting: 64,
  /** Syntax errors of one file: the later ones mostly follow from the first. */
  syntaxErrors: 5,
  /** Characters of a message that quotes the file. */
  messageChars: 200,
} as const;

/** From 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface YamlDocument {
  /** Undefined when the document has errors. */
  readonly value: unknown;
  /**
   * Line and column, from 1, of the deepest part of the path that the document has: of the value,
   * or of the key when `which` says so or when something below it is missing.
   */
  place(path: Path, which?: 'key' | 'value'): Place;
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly issues: readonly ConfigIssue[];
}

/**
 * Parses a file of YAML or JSON documents (YAML 1.2 core, and merge keys). Never throws for what
 * the text contains. The library is loaded on the first call. Documents are parsed one after the
 * other and only their values kept: a syntax tree is some 50 times as large as its text. Who asks
 * for places causes a second parse.
 */
export async function parseYaml(file: string, text: string): Promise<YamlFile> {
  const source = new YamlSource(await import('./yaml-library.js'), text);
  const issues: ConfigIssue[] = [];
  const documents: YamlDocument[] = [];
  const report: ReportAt = (offset, message, key = '', severity = 'error', hint) => {
    const clipped = message.slice(0, YAML_LIMITS.messageChars);
    const next = hint === undefined ? {} : { hint };
    issues.push({ file, ...source.lineOf(offset), key, message: clipped, ...next, severity });
  };
  for (const document of source.parse(report)) {
    const index = documents.length;
    const value = source.valueOf(document, report);
    documents.push({ value, place: (path, which) => source.place(index, path, which) });
  }
  return { documents, issues };
}

/** Plain data as a document for people. */
export async function formatYaml(value: unknown): Promise<string> {
  const { stringify } = await import('./yaml-library.js');
  return stringify(value, { lineWidth: 100 });
}

type Yaml = typeof import('./yaml-library.js');

type ReportAt = (
  offset: number,
  message: string,
  key?: string,
  severity?: ConfigIssue['severity'],
  hint?: string,
) => void;

/** What to do about an error of the library's. */
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  TAB_AS_INDENT: 'Indent with spaces, as many for each key of one map.',
};

class YamlSource {
  readonly #yaml: Yaml;
  readonly #text: string;
  readonly #lines: LineCounter;
  #trees: readonly Document.Parsed[] | undefined;

  constructor(yaml: Yaml, text: string) {
    this.#yaml = yaml;
    this.#text = text;
    this.#lines = new yaml.LineCounter();
  }

  /** Ends early, with a report, when the nesting is too deep. Only the first run counts lines. */
  *parse(report?: ReportAt): Generator<Document.Parsed, void> {
    const { Parser, Composer } = this.#yaml;
    const tokens = new Parser(report === undefined ? undefined : this.#lines.addNewLine).parse(
      this.#text,
    );
    // Keys are compared below: the library's own comparison takes the square of their number.
    const composer = new Composer({ uniqueKeys: false, merge: true });
    for (const token of tokens) {
      if (nestingOf(token) > YAML_LIMITS.nesting) {
        report?.(0, `is nested deeper than ${YAML_LIMITS.nesting} levels`);
        return;
      }
      yield* composer.next(token);
    }
    yield* composer.end();
  }

  /** Undefined when there are errors. Aliases are expanded here, and a bomb of them refused. */
  valueOf(document: Document.Parsed, report: ReportAt): unknown {
    const { errors, warnings } = document;
    for (const { pos, message, code } of errors.slice(0, YAML_LIMITS.syntaxErrors))
      report(pos[0], message, '', 'error', HINTS[code]);
    for (const { pos, message } of warnings.slice(0, YAML_LIMITS.syntaxErrors))
      report(pos[0], message, '', 'warning');
    if (errors.length > 0 || hasTwins(this.#yaml, document, report)) return undefined;
    try {
      return document.toJS({ maxAliasCount: YAML_LIMITS.aliases }) as unknown;
    } catch (thrown) {
      report(document.range[0], thrown instanceof Error ? thrown.message : String(thrown));
      return undefined;
    }
  }

  place(index: number, path: Path, which: 'key' | 'value' = 'value'): Place {
    this.#trees ??= [...this.parse()];
    const document = this.#trees[index];
    if (document === undefined) return this.lineOf(0);
    let node: unknown = document.contents;
    let keyOffset = offsetOf(node) ?? document.range[0];
    for (const step of path) {
      const child = childOf(this.#yaml, document, node, step);
      if (child === undefined) return this.lineOf(keyOffset);
      keyOffset = offsetOf(child.key) ?? offsetOf(child.value) ?? keyOffset;
      node = child.value;
    }
    const offset = which === 'key' ? undefined : offsetOf(node);
    return this.lineOf(offset ?? keyOffset);
  }

  lineOf(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

function childOf(
  yaml: Yaml,
  document: Document.Parsed,
  node: unknown,
  step: string | number,
): { key?: unknown; value?: unknown } | undefined {
  const target = yaml.isAlias(node) ? node.resolve(document) : node;
  if (yaml.isSeq(target)) {
    const item = typeof step === 'number' ? target.items[step] : undefined;
    return item === undefined ? undefined : { value: item };
  }
  if (!yaml.isMap(target)) return undefined;
  return target.items.find(({ key }) => keyText(yaml, key) === String(step));
}

/**
 * Levels of collections, counted on the flat output of the parser. The next step recurses, and
 * near the end of the stack V8 may abort the process instead of throwing (its regular expression
 * compiler does), so this cannot be left to a catch.
 */
function nestingOf(root: CST.Token): number {
  const rest: { token: CST.Token | null | undefined; depth: number }[] = [
    { token: root, depth: 0 },
  ];
  let deepest = 0;
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { token, depth } = next;
    deepest = Math.max(deepest, depth);
    if (token?.type === 'document') rest.push({ token: token.value, depth });
    else if (token && 'items' in token)
      for (const { key, value } of token.items) {
        rest.push({ token: value, depth: depth + 1 });
        rest.push({ token: key, depth: depth + 1 });
      }
  }
  return deepest;
}

/** Reports keys that a map has twice. */
function hasTwins(yaml: Yaml, document: Document.Parsed, report: ReportAt): boolean {
  let found = false;
  const rest: { node: unknown; path: Path }[] = [{ node: document.contents, path: [] }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { node, path } = next;
    if (yaml.isSeq(node))
      node.items.forEach((item, index) => rest.push({ node: item, path: [...path, index] }));
    if (!yaml.isMap(node)) continue;
    const seen = new Set<string>();
    for (const { key, value } of node.items as Pair<ParsedNode, ParsedNode | null>[]) {
      const text = keyText(yaml, key);
      const at = [...path, text];
      if (seen.has(text) && text !== '<<') {
        found = true;
        report(key.range[0], 'is given twice in one map', formatPath(at));
      }
      seen.add(text);
      rest.push({ node: value, path: at });
    }
  }
  return found;
}

function keyText(yaml: Yaml, key: unknown): string {
  return String(yaml.isScalar(key) ? key.value : key);
}

function offsetOf(node: unknown): number | undefined {
  return (node as Partial<Node> | null | undefined)?.range?.[0];
}
