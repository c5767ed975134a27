/** What a store keeps of a Numbering, journaled in the same transaction as the rows it numbers. */
export interface NumberingState {
  readonly value: number;
  /** The boot whose numbers the peer is known to have learnt. */
  readonly metIn: string;
  /** Which later boots used numbers, and the value before their first. At most FORKS_MAX. */
  readonly forks: readonly Fork[];
}

export interface Fork {
  readonly boot: string;
  readonly before: number;
}

/** More boots than this without meeting the peer are merged into one, at the lower `before`. */
export const FORKS_MAX = 32;

export const FIRST_NUMBERING: NumberingState = { value: 0, metIn: '', forks: [] };

/**
 * A counter that never restarts and remembers which process used which numbers: the heart of
 * the detection of restored backups (docs/sync-protocol.md sections 1 and 4.1, holes H6 to H10).
 * Pure: each operation returns the new state.
 */
export function nextNumber(state: NumberingState, boot: string): NumberingState {
  const known = state.metIn === boot || state.forks.some((fork) => fork.boot === boot);
  const forks = known ? state.forks : appendFork(state.forks, { boot, before: state.value });
  return { ...state, value: state.value + 1, forks };
}

/** As `nextNumber`, but above `floor` too: numbers may be left out, never used twice. */
export function nextNumberAbove(
  state: NumberingState,
  boot: string,
  floor: number,
): NumberingState {
  const next = nextNumber(state, boot);
  return next.value > floor ? next : { ...next, value: floor + 1 };
}

/** As `nextNumber` so many times; the numbers end with the state's value. */
export function nextNumbers(state: NumberingState, boot: string, count: number): NumberingState {
  if (count <= 0) return state;
  const next = nextNumber(state, boot);
  return { ...next, value: state.value + count };
}

/**
 * The highest number that a peer which learnt `knownBoots` can have seen from THIS history;
 * anything above it that the peer holds was written by another life of this store.
 */
export function mark(state: Omit<NumberingState, 'metIn'>, knownBoots: readonly string[]): number {
  const unknown = state.forks.find((fork) => !knownBoots.includes(fork.boot));
  return unknown === undefined ? state.value : unknown.before;
}

/** Only when the peer is KNOWN to have learnt these boots (CONFIRM or an ACK of the epoch). */
export function confirmed(state: NumberingState, boot: string): NumberingState {
  return { ...state, metIn: boot, forks: [] };
}

function appendFork(forks: readonly Fork[], fork: Fork): readonly Fork[] {
  const last = forks.at(-1);
  if (forks.length < FORKS_MAX || last === undefined) return [...forks, fork];
  return [...forks.slice(0, -1), { boot: fork.boot, before: Math.min(last.before, fork.before) }];
}
