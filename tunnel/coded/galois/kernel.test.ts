import { readFile } from 'node:fs/promises';
import test from 'ava';
import fc from 'fast-check';
import { KERNEL_BYTES } from './kernel-bytes.js';
import { MEMORY, type RowKernel } from './row-kernel.js';
import { RowPool } from './row-pool.js';
import { scriptKernel } from './script-kernel.js';
import { simdKernel } from './simd-kernel.js';
import { inverse, multiply } from './tables.js';

/** The field in the plainest words: a product of polynomials, reduced bit by bit. */
function plainMultiply(a: number, b: number): number {
  let sum = 0;
  for (let bit = 7; bit >= 0; bit--) {
    sum <<= 1;
    if (sum > 255) sum ^= 0x11d;
    if ((b >> bit) & 1) sum ^= a;
  }
  return sum;
}

const kernels: RowKernel[] = [scriptKernel()];
const simd = simdKernel();
if (simd !== undefined) kernels.push(simd);

const row = (blocks: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: 32 * blocks, maxLength: 32 * blocks });

test('the tables are the field: every product and every inverse', (t) => {
  for (let a = 0; a < 256; a++)
    for (let b = 0; b < 256; b++) if (multiply(a, b) !== plainMultiply(a, b)) t.fail(`${a} * ${b}`);
  for (let a = 1; a < 256; a++) if (multiply(a, inverse(a)) !== 1) t.fail(`1 / ${a}`);
  t.is(inverse(0), 0);
});

test('this engine has the SIMD kernel', (t) => {
  t.true(hasWebAssembly());
  t.truthy(simd);
});

for (const kernel of kernels) {
  const base = MEMORY.rowsAt;

  test(`${kernel.name}: every operation agrees with the plain field`, (t) => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 6 })
          .chain((blocks) =>
            fc.tuple(row(blocks), fc.array(row(blocks), { minLength: 1, maxLength: 11 })),
          ),
        fc.uint8Array({ minLength: 11, maxLength: 11 }),
        ([target, sources], coefficients) => {
          const { length } = target;
          const bytes = kernel.bytes();
          const put = (index: number, data: Uint8Array): number => {
            bytes.set(data, base + index * length);
            return base + index * length;
          };
          const got = (): Uint8Array => bytes.slice(base, base + length);
          const expected = target.map((byte, at) =>
            sources.reduce(
              (sum, source, index) =>
                sum ^ plainMultiply(coefficients[index] ?? 0, source[at] ?? 0),
              byte,
            ),
          );
          put(0, target);
          const list = kernel.list();
          sources.forEach((source, index) => {
            list[2 * index] = put(index + 1, source);
            list[2 * index + 1] = coefficients[index] ?? 0;
          });
          kernel.combine(base, sources.length, length);
          t.deepEqual(got(), expected);
          put(0, target);
          sources.forEach((_, index) =>
            kernel.axpy(base, base + (index + 1) * length, coefficients[index] ?? 0, length),
          );
          t.deepEqual(got(), expected);
          const [factor = 0] = coefficients;
          kernel.scale(base, factor, length);
          t.deepEqual(
            got(),
            expected.map((byte) => plainMultiply(factor, byte)),
          );
          const scaled = got();
          const first = scaled.findIndex((byte) => byte !== 0);
          t.is(kernel.first(base, length), first === -1 ? length : first);
          t.is(kernel.weight(base, length), scaled.filter((byte) => byte !== 0).length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test(`${kernel.name}: memory grows and keeps what it held`, (t) => {
    kernel.bytes()[base] = 77;
    t.true(kernel.grow(3 * MEMORY.pageBytes + 1));
    t.true(kernel.bytes().length >= 3 * MEMORY.pageBytes + 1);
    t.is(kernel.bytes()[base], 77);
    t.is(kernel.list().buffer, kernel.bytes().buffer);
  });
}

test('a pool gives zeroed rows, uses them again, and stops at its limit', (t) => {
  const pool = new RowPool(100, 128 * 3, scriptKernel());
  t.is(pool.rowBytes, 128);
  const rows = [pool.take(), pool.take(), pool.take()];
  t.is(new Set(rows).size, 3);
  t.is(pool.take(), undefined);
  const [reused = 0] = rows;
  pool.kernel.bytes().fill(9, reused, reused + 128);
  pool.give(reused);
  t.is(pool.taken, 2);
  t.is(pool.take(), reused);
  t.is(pool.kernel.weight(reused, 128), 0);
});

test('the committed bytes are what the committed text assembles to', async (t) => {
  const name = 'wabt';
  const assembler = (await import(name).catch(() => undefined)) as { default: Wabt } | undefined;
  if (assembler === undefined) {
    t.log('skipped: needs the wabt package');
    t.pass();
    return;
  }
  const source = new URL('../../../../tunnel/coded/galois/kernel.wat', import.meta.url);
  const wabt = await assembler.default();
  const module = wabt.parseWat('kernel.wat', await readFile(source, 'utf8'), { simd: true });
  t.deepEqual(Buffer.from(module.toBinary({}).buffer), KERNEL_BYTES);
});

type Wabt = () => Promise<{
  parseWat(name: string, text: string, features: object): ParsedModule;
}>;
interface ParsedModule {
  toBinary(options: object): { buffer: Uint8Array };
}

function hasWebAssembly(): boolean {
  return 'WebAssembly' in globalThis;
}
