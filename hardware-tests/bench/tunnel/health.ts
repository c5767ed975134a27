import { loadavg } from 'node:os';
import { quantile } from './figures.js';
import type { Outcome } from './run.js';

/** What may have disturbed a measurement: the emulator's lateness, the ends' event loops, load. */
export class Health {
  readonly #emulatorMeanUs: number[] = [];
  readonly #emulatorMaxMs: number[] = [];
  readonly #loopP99: number[] = [];
  readonly #loopMax: number[] = [];
  readonly #loads: number[] = [];
  #atOnce = 0;

  note({ flows, counts }: Outcome, atOnce: number): void {
    this.#atOnce = Math.max(this.#atOnce, atOnce);
    this.#emulatorMeanUs.push(counts.up.lateUsMean);
    this.#emulatorMaxMs.push(counts.up.lateUsMax / 1_000);
    for (const { dial, serve } of flows)
      for (const end of [dial, serve]) {
        if (end === undefined) continue;
        this.#loopP99.push(end.loopP99);
        this.#loopMax.push(end.loopMax);
      }
    this.#loads.push(loadavg()[0] ?? 0);
  }

  add(other: Health): void {
    this.#atOnce = Math.max(this.#atOnce, other.#atOnce);
    for (const [mine, theirs] of [
      [this.#emulatorMeanUs, other.#emulatorMeanUs],
      [this.#emulatorMaxMs, other.#emulatorMaxMs],
      [this.#loopP99, other.#loopP99],
      [this.#loopMax, other.#loopMax],
      [this.#loads, other.#loads],
    ] as const)
      mine.push(...theirs);
  }

  /** Undefined: nothing was measured over an emulated link. */
  get text(): string | undefined {
    if (this.#atOnce === 0) return undefined;
    const of = (values: readonly number[], share: number): string =>
      quantile(values, share).toFixed(1);
    return [
      `At most ${this.#atOnce} links at once.`,
      `Emulator late by ${of(this.#emulatorMeanUs, 0.5)} us in the mean of the median run,`,
      `${of(this.#emulatorMaxMs, 1)} ms at worst;`,
      `event loops of the ends late by ${of(this.#loopP99, 0.5)} ms at the p99 of the median end,`,
      `${of(this.#loopP99, 1)} of the worst, ${of(this.#loopMax, 1)} ms at most;`,
      `load average ${of(this.#loads, 0.5)}.`,
    ].join(' ');
  }
}
