import { didYouMean } from './did-you-mean.js';
import type { Path } from './schema-shape.js';

export interface DocumentIssue {
  /** Index in the list of documents. */
  readonly document: number;
  /** Leads to the offending key; a prefix of it when the key is missing. */
  readonly path: Path;
  /** Without the key: to be read after it. */
  readonly message: string;
  readonly hint?: string;
  /** What an unknown name was probably meant to be. */
  readonly suggestion?: string;
  /** The path's last key is the fault, not what stands under it. */
  readonly unknownKey?: true;
  readonly severity: 'error' | 'warning';
}

/** What a person can be told at most in one go; further issues are counted only. */
export const ISSUES_MAX = 1000;

type Extra = Pick<DocumentIssue, 'hint' | 'suggestion' | 'unknownKey'>;

/** Takes an issue at a path below what is being read. */
export interface Report {
  error(path: Path, message: string, extra?: Extra): void;
  warn(path: Path, message: string, extra?: Extra): void;
}

export class DocumentIssues {
  readonly list: DocumentIssue[] = [];
  /** All errors so far, also those beyond ISSUES_MAX. */
  errors = 0;

  /** Reports for the part of a document that `base` leads to. */
  at(document: number, base: Path = []): Report {
    const add = (severity: DocumentIssue['severity'], path: Path, message: string, extra = {}) => {
      if (severity === 'error') this.errors++;
      if (this.list.length < ISSUES_MAX)
        this.list.push({ document, path: [...base, ...path], message, ...extra, severity });
    };
    return {
      error: (path, message, extra) => add('error', path, message, extra),
      warn: (path, message, extra) => add('warning', path, message, extra),
    };
  }
}

/** For an unknown name, what it was probably meant to be. */
export function suggest(word: string, candidates: Iterable<string>): Extra {
  const suggestion = didYouMean(word, candidates);
  return suggestion === undefined ? {} : { suggestion };
}
