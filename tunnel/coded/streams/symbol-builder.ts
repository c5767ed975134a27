import { CODED_LIMITS } from '../limits.js';
import { bundledBytes, encodeSymbol } from '../wire/bundle.js';
import { varintBytes } from '../wire/byte-writer.js';
import { cargoOverhead, encodeCargo, type Cargo } from '../wire/cargo.js';

/** Fills one symbol with one cargo or several. */
export class SymbolBuilder {
  readonly #bytes: number;
  readonly #cargos: Uint8Array[] = [];
  /** Of the cargos as they would be in a bundle. */
  #bundled = 1;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get isEmpty(): boolean {
    return this.#cargos.length === 0;
  }

  /** Bytes of the longest further cargo. */
  get room(): number {
    if (this.isEmpty) return this.#bytes;
    if (this.#cargos.length >= CODED_LIMITS.cargosPerSymbol) return 0;
    const left = Math.max(0, this.#bytes - this.#bundled);
    return left - varintBytes(left);
  }

  /** For words without data. */
  fits(word: Cargo): boolean {
    return cargoOverhead(word) <= this.room;
  }

  /** The caller has asked for `room`. */
  add(cargo: Cargo): void {
    const encoded = encodeCargo(cargo);
    this.#bundled += bundledBytes(encoded.length);
    this.#cargos.push(encoded);
  }

  symbol(): Uint8Array | undefined {
    return this.isEmpty ? undefined : encodeSymbol(this.#cargos);
  }
}
