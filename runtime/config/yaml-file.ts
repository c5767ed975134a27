import type { CST, Document, LineCounter, Node, Pair, ParsedNode } from 'yaml';
import type { Path } from '#protocol/schema-shape.js';
import { formatPath } from './issue.js';
import type { ConfigIssue } from './issue.js';
import { CONFIG_LIMITS } from './limits.js';

export interface YamlDocument {
  /** Undefined when the document has errors. */
  readonly value: unknown;
  /**
   * Line and column, from 1, of the deepest part of the path that the document has: of the value,
   * or of the key when `which` says so or when something below it is missing.
   */
  place(path: Path, which?: 'key' | 'value'): { readonly line: number; readonly column: number };
}

export interface YamlFile {
  readonly documents: readonly YamlDocument[];
  readonly issues: readonly ConfigIssue[];
}

/**
 * Parses a file of YAML or JSON documents (YAML 1.2 core, and merge keys). Never throws for what
 * the text contains. The library is loaded on the first call.
 */
export async function parseYaml(file: string, text: string): Promise<YamlFile> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const issues: ConfigIssue[] = [];
  const report: ReportAt = (offset, message, key = '', severity = 'error') => {
    const clipped = message.slice(0, CONFIG_LIMITS.messageChars);
    issues.push({ file, ...lineOf(lines, offset), key, message: clipped, severity });
  };
  const tokens = [...new yaml.Parser(lines.addNewLine).parse(text)];
  if (nestingOf(tokens) > CONFIG_LIMITS.nesting) {
    report(0, `is nested deeper than ${CONFIG_LIMITS.nesting} levels`);
    return { documents: [], issues };
  }
  // Keys are compared below: the library's own comparison takes the square of their number.
  const parsed = [...new yaml.Composer({ uniqueKeys: false, merge: true }).compose(tokens)];
  const documents = parsed.map((document) => {
    const before = issues.length;
    const { errors, warnings } = document;
    for (const { pos, message } of errors.slice(0, CONFIG_LIMITS.syntaxErrors))
      report(pos[0], message);
    for (const { pos, message } of warnings.slice(0, CONFIG_LIMITS.syntaxErrors))
      report(pos[0], message, '', 'warning');
    if (document.errors.length === 0) findTwins(yaml, document, report);
    const sound = !issues.slice(before).some(({ severity }) => severity === 'error');
    const value = sound ? toValue(document, report) : undefined;
    return new ParsedDocument(yaml, document, lines, value);
  });
  return { documents, issues };
}

type Yaml = typeof import('yaml');

type ReportAt = (
  offset: number,
  message: string,
  key?: string,
  severity?: ConfigIssue['severity'],
) => void;

class ParsedDocument implements YamlDocument {
  readonly value: unknown;
  readonly #yaml: Yaml;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  constructor(yaml: Yaml, document: Document.Parsed, lines: LineCounter, value: unknown) {
    this.value = value;
    this.#yaml = yaml;
    this.#document = document;
    this.#lines = lines;
  }

  place(path: Path, which: 'key' | 'value' = 'value'): { line: number; column: number } {
    let node: unknown = this.#document.contents;
    let keyOffset = offsetOf(node) ?? this.#document.range[0];
    for (const step of path) {
      const child = this.#child(node, step);
      if (child === undefined) return lineOf(this.#lines, keyOffset);
      keyOffset = offsetOf(child.key) ?? offsetOf(child.value) ?? keyOffset;
      node = child.value;
    }
    const offset = which === 'key' ? undefined : offsetOf(node);
    return lineOf(this.#lines, offset ?? keyOffset);
  }

  #child(node: unknown, step: string | number): { key: unknown; value: unknown } | undefined {
    const yaml = this.#yaml;
    const target = yaml.isAlias(node) ? node.resolve(this.#document) : node;
    if (yaml.isSeq(target)) {
      const item = typeof step === 'number' ? target.items[step] : undefined;
      return item === undefined ? undefined : { key: undefined, value: item };
    }
    if (!yaml.isMap(target)) return undefined;
    return target.items.find(({ key }) => keyText(yaml, key) === String(step));
  }
}

/**
 * Levels of collections, counted on the flat output of the parser. The next step recurses, and
 * near the end of the stack V8 may abort the process instead of throwing (its regular expression
 * compiler does), so this cannot be left to a catch.
 */
function nestingOf(tokens: readonly CST.Token[]): number {
  const rest = tokens.map((token: CST.Token | null | undefined) => ({ token, depth: 0 }));
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

/** Aliases are expanded here, so this is where a bomb of them is refused. */
function toValue(document: Document.Parsed, report: ReportAt): unknown {
  try {
    return document.toJS({ maxAliasCount: CONFIG_LIMITS.aliases }) as unknown;
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    report(document.range[0], message);
    return undefined;
  }
}

/** Reports keys that a map has twice. */
function findTwins(yaml: Yaml, document: Document.Parsed, report: ReportAt): void {
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
      if (seen.has(text) && text !== '<<')
        report(key.range[0], 'is given twice in one map', formatPath(at));
      seen.add(text);
      rest.push({ node: value, path: at });
    }
  }
}

function keyText(yaml: Yaml, key: unknown): string {
  return String(yaml.isScalar(key) ? key.value : key);
}

function offsetOf(node: unknown): number | undefined {
  return (node as Partial<Node> | null | undefined)?.range?.[0];
}

function lineOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}
