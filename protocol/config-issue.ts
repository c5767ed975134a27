import { EdgeError } from './errors.js';
import type { Path } from './schema-shape.js';

/** Issues of one load that a person is told; a stray bracket can make thousands. */
export const ISSUES_SHOWN = 100;

/** One thing that is wrong in a configuration or device file. */
export interface ConfigIssue {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Dotted path such as `broker.listen` or `spec.properties[0].name`; empty for a whole document. */
  readonly key: string;
  /** To be read after the key. */
  readonly message: string;
  /** What a misspelt name was probably meant to be. */
  readonly suggestion?: string;
  /** What to do, when the message does not say it. */
  readonly hint?: string;
  readonly severity: 'error' | 'warning';
}

/** An EDGE_CONFIG whose details are the issues, the first ISSUES_SHOWN of them. */
export function configError(all: readonly ConfigIssue[]): EdgeError {
  const issues = all.slice(0, ISSUES_SHOWN);
  const errors = all.filter(({ severity }) => severity === 'error').length;
  const count = errors === 1 ? 'one error' : `${errors} errors`;
  return new EdgeError('EDGE_CONFIG', `the configuration has ${count}\n${formatIssues(issues)}`, {
    hint: 'Correct the files and try again.',
    details: { issues } satisfies Details,
  });
}

/** The issues of an error of `loadConfig`; empty for any other error. */
export function issuesOf(error: unknown): readonly ConfigIssue[] {
  if (!(error instanceof EdgeError) || error.code !== 'EDGE_CONFIG') return [];
  return ((error.details ?? {}) as Partial<Details>).issues ?? [];
}

/** One line an issue, `file:line:column  key: message (did you mean ...?)`, and its hint below. */
export function formatIssues(issues: readonly ConfigIssue[]): string {
  return issues.map(formatIssue).join('\n');
}

/** `a.b[2].c`; keys that are no plain words are quoted. */
export function formatPath(path: Path): string {
  const parts = path.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return /^[\w/-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  return parts.join('').replace(/^\./, '');
}

interface Details {
  readonly issues: readonly ConfigIssue[];
}

function formatIssue(issue: ConfigIssue): string {
  const { file, line, column, key, message, suggestion, hint, severity } = issue;
  const kind = severity === 'warning' ? 'warning: ' : '';
  const meant = suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`;
  const next = hint === undefined ? '' : `\n    ${hint}`;
  return `${file}:${line}:${column}  ${kind}${key === '' ? '' : `${key}: `}${message}${meant}${next}`;
}
