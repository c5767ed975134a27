import { systemClock } from '#protocol/clock.js';
import { seededRandom } from '#protocol/random.js';
import { rowCoefficients } from '#tunnel/coded/codec/coefficients.js';
import { SymbolDecoder } from '#tunnel/coded/codec/decoder.js';
import { encodeRow } from '#tunnel/coded/codec/encoder.js';
import type { SourceSymbol } from '#tunnel/coded/codec/symbol.js';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { packetKeys, trafficSecret, type Cipher } from '#tunnel/coded/crypto/packet-keys.js';
import { open, seal } from '#tunnel/coded/crypto/seal.js';
import { MEMORY, type RowKernel } from '#tunnel/coded/galois/row-kernel.js';
import { RowPool } from '#tunnel/coded/galois/row-pool.js';
import { scriptKernel } from '#tunnel/coded/galois/script-kernel.js';
import { simdKernel } from '#tunnel/coded/galois/simd-kernel.js';
import { decodeFrames } from '#tunnel/coded/wire/frame-reader.js';
import { decodePacket } from '#tunnel/coded/wire/packet-header.js';
import { WIRE_VECTORS } from '#tunnel/coded/wire/vectors.js';
import type { BenchResult } from './table.js';

const SYMBOL_BYTES = 1_160;
const ROW = 1_216;
const SPAN_MS = 300;

/** What the coded tunnel's core costs on this machine: kernel, codec, seal and parser. */
export async function run(): Promise<readonly BenchResult[]> {
  const kernels = [scriptKernel()];
  const simd = simdKernel();
  if (simd !== undefined) kernels.push(simd);
  return [
    { title: 'Row operations over GF(256), rows of 1,216 bytes', rows: kernels.map(kernelRow) },
    {
      title: 'Codec: CPU microseconds per row made, and per symbol of a stream decoded',
      rows: kernels.flatMap((kernel) =>
        [8, 32, 64, 128].map((window) => codecRow(new RowPool(2_048, 1 << 24, kernel), window)),
      ),
      notes: ['10 %, 30 %, all: share of the symbols that only rows bring; copies not counted.'],
    },
    {
      title: 'Packets of 1,200 bytes: CPU microseconds each',
      rows: (['aes-128-gcm', 'chacha20-poly1305'] as const).map(sealRow),
    },
    { title: 'Parser: CPU microseconds per published packet', rows: [parserRow()] },
  ];
}

function kernelRow(kernel: RowKernel): BenchResult['rows'][number] {
  kernel.grow(MEMORY.rowsAt + 40 * ROW);
  const row = (index: number): number => MEMORY.rowsAt + index * ROW;
  const list = kernel.list();
  for (let index = 0; index < 32; index++) {
    list[2 * index] = row(index + 1);
    list[2 * index + 1] = 7 + index;
  }
  const perCall = (operation: () => void, bytes: number): number => bytes / micros(operation);
  return {
    kernel: kernel.name,
    'axpy MB/s': Math.round(perCall(() => kernel.axpy(row(0), row(1), 91, ROW), ROW)),
    'scale MB/s': Math.round(perCall(() => kernel.scale(row(0), 91, ROW), ROW)),
    'combine 32 MB/s': Math.round(perCall(() => kernel.combine(row(0), 32, ROW), 32 * ROW)),
  };
}

function codecRow(pool: RowPool, window: number): BenchResult['rows'][number] {
  const bench = new Workbench(pool);
  const random = seededRandom(1);
  const symbols = Array.from({ length: window }, (_, number) => ({
    number,
    data: random.bytes(SYMBOL_BYTES),
  }));
  let seed = 0;
  const rows = Array.from({ length: window + 8 }, () => encodeRow(bench, symbols, seed++));
  const decode = (lost: number): number =>
    micros(() => decodeStream(bench, symbols, rows, lost)) / window;
  return {
    kernel: pool.kernel.name,
    window,
    'one row': micros(() => encodeRow(bench, symbols, seed++)),
    'stream, none lost': decode(0),
    '10 %': decode(Math.ceil(window * 0.1)),
    '30 %': decode(Math.ceil(window * 0.3)),
    all: decode(window),
  };
}

function decodeStream(
  bench: Workbench,
  symbols: readonly SourceSymbol[],
  rows: readonly ReturnType<typeof encodeRow>[],
  lost: number,
): void {
  const decoder = new SymbolDecoder(bench);
  for (const { number, data } of symbols.slice(lost)) decoder.source(number, data);
  for (const { start, seed, span, members, data } of rows) {
    if (decoder.base === symbols.length) break;
    decoder.row(start, rowCoefficients(seed, span, members), data);
  }
  decoder.close();
}

function sealRow(cipher: Cipher): BenchResult['rows'][number] {
  const keys = packetKeys(trafficSecret(new Uint8Array(32), 'client'), cipher);
  const header = new Uint8Array(13);
  const payload = new Uint8Array(SYMBOL_BYTES);
  const sealed = seal(keys, 1, header, payload);
  let number = 0;
  return {
    cipher,
    seal: micros(() => seal(keys, number++, header, payload)),
    open: micros(() => open(keys, 1, header, sealed)),
  };
}

function parserRow(): BenchResult['rows'][number] {
  const packets = WIRE_VECTORS.map(({ hex }) => Uint8Array.from(Buffer.from(hex, 'hex')));
  const all = micros(() => {
    for (const bytes of packets) {
      const packet = decodePacket(bytes);
      if (packet.ok) decodeFrames(packet.value.payload);
    }
  });
  return { parser: 'header and frames', each: all / packets.length };
}

/** CPU time of one call, the best of five spans. */
function micros(operation: () => void): number {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const start = systemClock.now();
    const cpu = process.cpuUsage();
    let calls = 0;
    while (systemClock.now() - start < SPAN_MS / 5)
      for (let inner = 0; inner < 20; inner++, calls++) operation();
    const { user, system } = process.cpuUsage(cpu);
    best = Math.min(best, (user + system) / calls);
  }
  return best;
}
