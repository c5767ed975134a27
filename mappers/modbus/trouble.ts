import type { WriteOutcome } from '#protocol/mapper-port.js';
import { exceptionName } from './frame.js';
import type { BusOutcome } from './job.js';

/** What a read brought. */
export type Heard = { readonly words: readonly number[] } | Trouble;

/** Why a reading is bad: an error code, and the reason in words. */
export interface Trouble {
  readonly reason: string;
  readonly why: string;
  readonly exception?: number;
}

const ILLEGAL_DATA_ADDRESS = 2;
/** What some devices answer to a read that is longer than they can take. */
const ILLEGAL_DATA_VALUE = 3;

/** A gateway answers for a device behind it that cannot be reached, or is silent. */
const GATEWAY_CODES: Readonly<Record<number, string>> = {
  10: 'EDGE_DEVICE_CLOSED',
  11: 'EDGE_DEVICE_TIMEOUT',
};

export function trouble(outcome: Exclude<BusOutcome, { kind: 'data' }>): Trouble {
  if (outcome.kind === 'failed') return { reason: outcome.code, why: outcome.why };
  const { code: exception } = outcome;
  const why = `the device answered with exception ${exception}, ${exceptionName(exception)}`;
  return { reason: GATEWAY_CODES[exception] ?? 'EDGE_DEVICE_EXCEPTION', why, exception };
}

/** The refusal of a read of several points may be of what lies between, or of one of them. */
export function refusesTogether(points: number, heard: Heard): boolean {
  if (points < 2 || !('exception' in heard)) return false;
  return heard.exception === ILLEGAL_DATA_ADDRESS || heard.exception === ILLEGAL_DATA_VALUE;
}

/** A write that was not sent, and that would fare no better if it were tried again. */
export function refused(code: string, message: string): Exclude<WriteOutcome, { ok: true }> {
  return { ok: false, code, message, retry: false };
}
