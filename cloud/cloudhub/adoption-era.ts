import type { NodeRow } from '../store/tables.js';

/** What a hub that was restored knows of where its memory ended (docs/sync-protocol.md section 4.7). */
export type AdoptionMarks = Pick<NodeRow, 'adoptMark' | 'laterMarks'>;

export function lastMark({ adoptMark, laterMarks = [] }: AdoptionMarks): number | null {
  return laterMarks.at(-1) ?? adoptMark;
}

/**
 * Since how many of the restores a number counts: 0 was given before all of them. Of two values of
 * the same property the one of the later era is newer; within an era this hub's own is, since it
 * cannot have forgotten that one too.
 */
export function eraOf({ adoptMark, laterMarks = [] }: AdoptionMarks, n: number): number {
  if (adoptMark === null) return 0;
  return [adoptMark, ...laterMarks].filter((mark) => n > mark).length;
}
