import { RECOVERY, RESIDUAL_LOSS, type OperatingPoint } from './constants.js';
import type { RoundTrip } from './round-trip.js';

/** What the redundancy rule needs to know of a path. */
export interface PathLosses {
  readonly loss: number;
  readonly conditionalLoss: number;
  /** `loss`, higher while little is known. */
  readonly cautiousLoss?: number;
}

/**
 * Transmissions of a message's first flight, a real number: the smallest K with p q^(K-1) within
 * the residual loss of the operating point; the fraction is one more for that share of messages.
 */
export function transmissions(path: PathLosses, point: OperatingPoint): number {
  const { conditionalLoss: conditional, loss: known, cautiousLoss: loss = known } = path;
  const conditionalLoss = Math.max(conditional, loss > known ? loss : 0);
  const residual = RESIDUAL_LOSS[point];
  if (loss < RECOVERY.lossMin || loss <= residual) return 1;
  if (conditionalLoss > RECOVERY.burstNoCopies) return 1;
  let lost = loss;
  let copies = 0;
  while (lost * conditionalLoss > residual && copies + 2 < RECOVERY.transmissionsMax) {
    lost *= conditionalLoss;
    copies++;
  }
  const fraction = (lost - residual) / (lost - lost * conditionalLoss);
  return 1 + copies + Math.min(Math.max(fraction, 0), 1);
}

/** Turns real numbers of transmissions into whole ones with the same mean, rounding up first. */
export class Dither {
  #rest = 1 - Number.EPSILON;

  whole(real: number): number {
    const whole = Math.floor(real);
    this.#rest += real - whole;
    if (this.#rest < 1) return whole;
    this.#rest -= 1;
    return whole + 1;
  }
}

/** Bytes that copies may cost: a share of the first transmissions, saved up to a limit. */
export class CopyBudget {
  #bytes = 0;

  /** Earns for a message and takes what fits off `wanted` transmissions. */
  allow(wanted: number, messageBytes: number): number {
    this.#bytes = Math.min(
      this.#bytes + RECOVERY.budgetShare * messageBytes,
      RECOVERY.budgetBytesMax,
    );
    let allowed = wanted;
    while (allowed > 1 && (allowed - 1) * messageBytes > this.#bytes)
      allowed = Math.max(1, allowed - 1);
    return allowed;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Copies of one retransmission round (1, 2, ..): several, since they have no time to lose. */
export function roundCopies(
  path: PathLosses,
  point: OperatingPoint,
  round: number,
  congested: boolean,
): number {
  if (congested) return 1;
  if (point === 'bulk') return round < RECOVERY.bulkRoundsAlone ? 1 : 2;
  const heavy = path.loss >= RECOVERY.lossHeavy;
  if (path.conditionalLoss > RECOVERY.burstSpaced) return 4;
  if (heavy) return round > 1 ? 4 : 3;
  if (path.loss < RECOVERY.lossMin && round === 1) return 1;
  return round === 1 ? 2 : 3;
}

/** Milliseconds between the copies of a round. */
export function roundSpacingMs(path: PathLosses): number {
  return path.conditionalLoss > RECOVERY.burstSpaced ? RECOVERY.burstSpacingMs : RECOVERY.spacingMs;
}

/**
 * Milliseconds after its last transmission when a symbol is sent again though nothing was heard.
 * `answersAtOnce`: the packet asked for its acknowledgement.
 */
export function timeOutMs(
  path: PathLosses,
  roundTrip: RoundTrip,
  round: number,
  answersAtOnce: boolean,
): number {
  const { smoothedMs, variationMs, ackDelayMs } = roundTrip;
  const { cautiousLoss = path.loss } = path;
  const lossy = cautiousLoss >= RECOVERY.lossMin;
  const margin = lossy ? Math.max(4 * variationMs, 4) : Math.max(6 * variationMs, 10);
  const base = smoothedMs + margin + (answersAtOnce ? 0 : ackDelayMs);
  const slow = Math.max(0, round - RECOVERY.roundsAtFullPace);
  return base * Math.min(RECOVERY.backoff ** slow, RECOVERY.backoffMax);
}
