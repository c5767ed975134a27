import type { BusOutcome } from './job.js';
import type { Span } from './plan.js';
import type { SunSpecPoint } from './sunspec-models.js';

/** Reads holding registers of the device in question. */
export type ReadWords = (span: Omit<Span, 'kind'>) => Promise<BusOutcome>;

export interface SunSpecModel {
  readonly id: number;
  /** Address of the model's identifier, and registers behind its two head registers. */
  readonly offset: number;
  readonly length: number;
}

/** Where the marker may stand, and the marker: "SunS". */
const BASES = [40_000, 50_000, 0];
const MARKER = [0x5375, 0x6e53];
const END = 0xffff;
const MODELS_MAX = 64;

/** What became of the search: a chain, no marker at any place, or why nobody can tell. */
export type Walked =
  | {
      readonly kind: 'chain';
      readonly models: readonly SunSpecModel[];
      /** Why the end of the chain was not seen. */
      readonly broken?: BusOutcome;
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'unheard'; readonly outcome: BusOutcome & { kind: 'failed' } };

/** Finds the marker and follows the chain of models; a broken chain ends where it breaks. */
export async function walkSunSpec(read: ReadWords): Promise<Walked> {
  let unheard: Walked | undefined;
  for (const base of BASES) {
    const marker = await read({ offset: base, count: 2 });
    if (marker.kind === 'failed') unheard ??= { kind: 'unheard', outcome: marker };
    if (marker.kind !== 'data' || !MARKER.every((word, at) => marker.words[at] === word)) continue;
    const models: SunSpecModel[] = [];
    let offset = base + 2;
    while (models.length < MODELS_MAX && offset + 2 <= END) {
      const head = await read({ offset, count: 2 });
      if (head.kind !== 'data') return { kind: 'chain', models, broken: head };
      const [id = END, length = 0] = head.words;
      if (id === END || length === 0) break;
      models.push({ id, offset, length });
      offset += 2 + length;
    }
    return { kind: 'chain', models };
  }
  return unheard ?? { kind: 'none' };
}

/** What a register says when the point is not implemented. */
const ABSENT: Readonly<Record<string, number>> = {
  int16: -0x8000,
  uint16: 0xffff,
  uint32: 0xffff_ffff,
};

/** The configData of a visitor for a point of the model at `base`. */
export function visitorOf(point: SunSpecPoint, base: number): Record<string, unknown> {
  const { type, scale, length, names } = point;
  const absent = ABSENT[type];
  return {
    register: 'HoldingRegister',
    offset: base + point.offset,
    dataType: type,
    ...(length === undefined ? {} : { limit: length }),
    ...(scale === undefined ? {} : { exponentAt: base + scale }),
    ...(absent === undefined ? {} : { invalid: [absent] }),
    ...(names === undefined ? {} : { enum: names }),
  };
}
