import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { BusOutcome } from './job.js';
import { trouble } from './trouble.js';

/** ACKNOWLEDGE and GATEWAY TARGET DEVICE FAILED TO RESPOND leave open what the device does. */
const VAGUE: readonly number[] = [5, 11];

/** What became of a write, by what became of its request. */
export function outcomeOf(outcome: BusOutcome): WriteOutcome {
  if (outcome.kind === 'data') return { ok: true };
  const { reason: code, why: message, exception } = trouble(outcome);
  const failure = { ok: false, code, message, retry: outcome.kind === 'failed' } as const;
  if (outcome.kind === 'failed' && outcome.unsent === true) return { ...failure, effect: 'none' };
  const isVague = exception !== undefined && VAGUE.includes(exception);
  return isVague ? { ...failure, effect: 'unknown' } : failure;
}
