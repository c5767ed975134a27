/**
 * The candidate that a person most likely meant: the same word in other capitals, or the nearest
 * one within a third of its length in edits; undefined when nothing is near.
 */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  let best: { candidate: string; edits: number } | undefined;
  const lower = word.toLowerCase();
  for (const candidate of candidates) {
    const longest = Math.max(word.length, candidate.length);
    const editsMax = Math.min(3, Math.max(1, Math.floor(longest / 3)));
    if (Math.abs(word.length - candidate.length) > editsMax || longest > WORD_MAX) continue;
    const edits = distance(lower, candidate.toLowerCase());
    if (edits <= editsMax && edits < (best?.edits ?? Infinity)) best = { candidate, edits };
  }
  return best?.candidate;
}

/** Longer words are not compared: the time grows with the square. */
const WORD_MAX = 64;

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let edits = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        edits = Math.min(edits, (beforeLast[column - 2] ?? 0) + 1);
      current.push(edits);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
