import type { LossState } from './loss-estimate.js';

/** What is worth keeping of a path between sessions: at one message a second p takes minutes. */
export interface PathMemory extends LossState {
  readonly version: 1;
}

const SHARES = ['slow', 'fast', 'conditional'] as const;
const COUNTS = ['samples', 'pairs'] as const;

/** A kept memory, or undefined when what was kept is none. */
export function readPathMemory(kept: unknown): PathMemory | undefined {
  if (typeof kept !== 'object' || kept === null) return undefined;
  const memory = kept as Partial<Record<keyof PathMemory, unknown>>;
  if (memory.version !== 1) return undefined;
  const isShare = (value: unknown): boolean =>
    typeof value === 'number' && value >= 0 && value <= 1;
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  if (!SHARES.every((name) => isShare(memory[name]))) return undefined;
  if (!COUNTS.every((name) => isCount(memory[name]))) return undefined;
  return memory as PathMemory;
}
