import { KERNEL_BYTES } from './kernel-bytes.js';
import { LIST_PAIRS, MEMORY, type RowKernel } from './row-kernel.js';
import { multiply } from './tables.js';

/** What this file needs of the WebAssembly interface, which the `es2023` library leaves out. */
interface WasmEngine {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly axpy: (target: number, source: number, coefficient: number, length: number) => void;
  readonly scale: (target: number, coefficient: number, length: number) => void;
  readonly combine: (target: number, list: number, count: number, length: number) => void;
  readonly weight: (at: number, length: number) => number;
  readonly first: (at: number, length: number) => number;
}

/** The kernel of `kernel.wat`; undefined where WebAssembly or its SIMD is missing. */
export function simdKernel(): RowKernel | undefined {
  const engine = (globalThis as { WebAssembly?: WasmEngine }).WebAssembly;
  if (engine?.validate(KERNEL_BYTES) !== true) return undefined;
  const { exports } = new engine.Instance(new engine.Module(KERNEL_BYTES));
  return new SimdKernel(exports as KernelExports);
}

class SimdKernel implements RowKernel {
  readonly name = 'simd';
  readonly axpy: RowKernel['axpy'];
  readonly scale: RowKernel['scale'];
  readonly weight: RowKernel['weight'];
  readonly first: RowKernel['first'];
  readonly #wasm: KernelExports;
  #bytes: Uint8Array;
  #list: Uint32Array;

  constructor(wasm: KernelExports) {
    this.#wasm = wasm;
    this.axpy = wasm.axpy;
    this.scale = wasm.scale;
    this.weight = wasm.weight;
    this.first = wasm.first;
    [this.#bytes, this.#list] = this.#views();
    for (let coefficient = 0; coefficient < 256; coefficient++)
      for (let nibble = 0; nibble < 16; nibble++) {
        this.#bytes[coefficient * 32 + nibble] = multiply(coefficient, nibble);
        this.#bytes[coefficient * 32 + 16 + nibble] = multiply(coefficient, nibble << 4);
      }
  }

  bytes(): Uint8Array {
    return this.#bytes;
  }

  list(): Uint32Array {
    return this.#list;
  }

  combine(target: number, count: number, length: number): void {
    this.#wasm.combine(target, MEMORY.listAt, count, length);
  }

  grow(bytes: number): boolean {
    const pages = Math.ceil((bytes - this.#bytes.length) / MEMORY.pageBytes);
    if (pages <= 0) return true;
    try {
      this.#wasm.memory.grow(pages);
    } catch {
      return false; // the engine throws a RangeError when it has no more
    }
    [this.#bytes, this.#list] = this.#views();
    return true;
  }

  #views(): [Uint8Array, Uint32Array] {
    const { buffer } = this.#wasm.memory;
    return [new Uint8Array(buffer), new Uint32Array(buffer, MEMORY.listAt, LIST_PAIRS * 2)];
  }
}
