import type { Patch } from '../../simulation/mutations/mutation.js';

/** A mistake that is easily made in this transport, planted in the shipped code. */
export interface Trap {
  readonly name: string;
  readonly what: string;
  readonly patches: readonly Patch[];
  /** The test that finds it: a file below `dist`, and its title. */
  readonly file: string;
  readonly title: string;
}

export const LIVENESS = {
  file: 'hardware-tests/tunnel/message-path.test.js',
  title: 'after loss stops everything arrives in time, whatever happened before',
} as const;

export function contest(title: string): Pick<Trap, 'file' | 'title'> {
  return { file: 'hardware-tests/tunnel/contest.test.js', title };
}
