import type { LifeWishes } from '../options.js';

/** One textual change of a compiled file. */
export interface Patch {
  /** Below `dist`. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** A hole of docs/sync-protocol.md section 7, opened again in the shipped code. */
export interface Mutation {
  /** `H6`, or `H14b` for one of several ways to open it. */
  readonly name: string;
  readonly what: string;
  readonly patches: readonly Patch[];
  /** Lives that lead there more often than others; absent: any. */
  readonly wishes?: LifeWishes;
  /** A test file that shows it, where lives get too seldom. */
  readonly script?: string;
  /** Why no life can show it: something else closes the hole as well. */
  readonly unreachable?: string;
}
