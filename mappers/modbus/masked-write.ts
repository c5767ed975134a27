import type { WriteOutcome } from '#protocol/mapper-port.js';
import { outcomeOf } from './outcome.js';
import type { Ask, PlainWriter } from './plain-write.js';
import { refused } from './trouble.js';

/** Some bits of one holding register. */
export interface MaskedWord {
  readonly unit: number;
  readonly offset: number;
  readonly word: number;
  /** The bits that are written; the others stay. */
  readonly mask: number;
}

const ILLEGAL_FUNCTION = 1;

/**
 * Writes some bits of a register: by function 22, which the device does in one step, or, where it
 * has none, by reading, changing and writing the register and reading it again. Between the steps
 * another master could change the register; two writes of this one are never under way at once.
 */
export class MaskedWriter {
  readonly #ask: Ask;
  readonly #plain: PlainWriter;
  #hasMask: boolean | undefined;

  constructor(ask: Ask, plain: PlainWriter) {
    this.#ask = ask;
    this.#plain = plain;
  }

  async write(masked: MaskedWord, notAfterMs?: number): Promise<WriteOutcome> {
    if (this.#hasMask !== false) {
      const { unit, offset, word, mask } = masked;
      const request = { op: 'mask', unit, offset, and: ~mask & 0xffff, or: word & mask } as const;
      const outcome = await this.#ask(request, 'write', notAfterMs);
      const isMissing = outcome.kind === 'exception' && outcome.code === ILLEGAL_FUNCTION;
      // A device that does not know the function may as well be silent: that is no proof.
      if (!isMissing) {
        if (outcome.kind === 'data') this.#hasMask = true;
        return outcomeOf(outcome);
      }
      this.#hasMask = false;
    }
    return this.#inSteps(masked, notAfterMs);
  }

  async #inSteps(masked: MaskedWord, notAfterMs?: number): Promise<WriteOutcome> {
    const { unit, offset, word, mask } = masked;
    const where = { unit, kind: 'holding', offset } as const;
    const before = await this.#ask({ op: 'read', ...where, count: 1 }, 'write', notAfterMs);
    if (before.kind !== 'data') return { ...notDone(outcomeOf(before)), effect: 'none' };
    const changed = ((before.words[0] ?? 0) & ~mask & 0xffff) | (word & mask);
    const written = await this.#plain.write(
      { op: 'write', ...where, words: [changed] },
      notAfterMs,
    );
    if (written.kind !== 'data') return outcomeOf(written);
    const after = await this.#ask({ op: 'read', ...where, count: 1 }, 'write');
    if (after.kind !== 'data' || ((after.words[0] ?? 0) & mask) === (word & mask))
      return { ok: true };
    return refused(
      'EDGE_DEVICE_REJECTED',
      `register ${offset} holds ${after.words[0]} after the write`,
    );
  }
}

function notDone(outcome: WriteOutcome): Exclude<WriteOutcome, { ok: true }> {
  return outcome.ok ? refused('EDGE_INTERNAL', 'a failure that is none') : outcome;
}
