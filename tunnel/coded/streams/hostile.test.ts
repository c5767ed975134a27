import test from 'ava';
import { LIMITS } from '#protocol/limits.js';
import { seededRandom } from '#protocol/random.js';
import { encodeSymbol } from '../wire/bundle.js';
import { encodeCargo, type Cargo } from '../wire/cargo.js';
import { Freight } from './freight.js';
import { pattern, SYMBOL_BYTES } from './freight-pair.js';
import { CLASS_WINDOW_BYTES, STREAM_LIMITS } from './limits.js';

const part = (message: number, offset: number, total: number, bytes: number): Cargo => ({
  kind: 'part',
  priority: 'twin',
  message,
  offset,
  total,
  data: pattern(bytes),
});
const piece = (stream: number, offset: number, bytes: number, fin = false): Cargo => ({
  kind: 'stream',
  stream,
  offset,
  fin,
  data: pattern(bytes),
});

/** Of a client that takes streams and never reads them. */
function hear(...cargos: readonly Cargo[]): { freight: Freight; last: unknown } {
  const freight = new Freight({ role: 'client' });
  freight.onStream(() => undefined);
  let last: unknown;
  for (const cargo of cargos) last = freight.receive(encodeCargo(cargo));
  return { freight, last };
}

const BREACHES: readonly (readonly [string, readonly Cargo[]])[] = [
  ['a message longer than any may be', [part(0, 0, LIMITS.messageBytes + 1, 10)]],
  ['a short message that is cut', [part(0, 0, STREAM_LIMITS.cutBytesMin - 1, 10)]],
  ['a piece beyond its message', [part(0, 995, 1_000, 10)]],
  ['a piece of nothing', [part(0, 0, 1_000, 0)]],
  ['a piece twice', [part(0, 0, 1_000, 10), part(0, 0, 1_000, 10)]],
  ['pieces that overlap', [part(0, 0, 1_000, 10), part(0, 9, 1_000, 10)]],
  ['a message of two lengths', [part(0, 0, 1_000, 10), part(0, 10, 1_001, 10)]],
  [
    'a message of two classes',
    [part(0, 0, 1_000, 10), { ...part(0, 10, 1_000, 10), priority: 'bulk' } as Cargo],
  ],
  ['a stream of ours that we did not open', [piece(0, 0, 10)]],
  ['more streams than may be open', [piece(2 * STREAM_LIMITS.streams + 1, 0, 10)]],
  ['bytes beyond the limit of a stream', [piece(1, STREAM_LIMITS.windowBytes, 1)]],
  ['bytes that overlap', [piece(1, 0, 10), piece(1, 5, 10)]],
  ['bytes after the end', [piece(1, 0, 10, true), piece(1, 10, 1)]],
  ['two ends', [piece(1, 0, 10, true), piece(1, 0, 9, true)]],
  ['an end before what was sent', [piece(1, 10, 10), piece(1, 0, 5, true)]],
  [
    'a reset before what was sent',
    [piece(1, 10, 10), { kind: 'streamReset', stream: 1, code: 0, offset: 5 }],
  ],
  ['a reset beyond the limit', [{ kind: 'streamReset', stream: 1, code: 0, offset: 2 ** 40 }]],
];

for (const [what, cargos] of BREACHES)
  test(`breaks the protocol: ${what}`, (t) => {
    t.is(hear(...cargos.slice(0, -1)).last === 'broken', false);
    t.is(hear(...cargos).last, 'broken');
  });

test('half messages cannot take more than their class has', (t) => {
  const { messageBytes } = LIMITS;
  const cargos = Array.from({ length: 100 }, (_, index) => part(index, 0, messageBytes, 1));
  const freight = new Freight({ role: 'client' });
  const accepted = cargos.findIndex((cargo) => freight.receive(encodeCargo(cargo)) === 'broken');
  t.is(accepted, CLASS_WINDOW_BYTES.twin / messageBytes);
});

test('many streams together cannot take more than the class has', (t) => {
  const freight = new Freight({ role: 'client' });
  freight.onStream(() => undefined);
  let broken = 0;
  for (let index = 0; index < STREAM_LIMITS.streams; index++) {
    const offset = STREAM_LIMITS.windowBytes - 1;
    if (freight.receive(encodeCargo(piece(2 * index + 1, offset, 1))) === 'broken') broken++;
  }
  t.is(broken, STREAM_LIMITS.streams - CLASS_WINDOW_BYTES.bulk / STREAM_LIMITS.windowBytes);
  t.true(freight.status.unreadBytes <= 16 * STREAM_LIMITS.blockBytes);
});

test('a stream of gaps is refused before it costs much', (t) => {
  const freight = new Freight({ role: 'client' });
  freight.onStream(() => undefined);
  let pieces = 0;
  while (freight.receive(encodeCargo(piece(1, 1 + 2 * pieces, 1))) !== 'broken') pieces++;
  t.is(pieces, STREAM_LIMITS.gaps + 1);
});

test('a peer that makes us say ever more without listening is cut', (t) => {
  const freight = new Freight({ role: 'client' });
  freight.onStream(() => undefined);
  const tell = (cargo: Cargo): boolean => freight.receive(encodeCargo(cargo)) !== 'broken';
  let stream = 1;
  while (stream < 100_000) {
    const reset: Cargo = { kind: 'streamReset', stream, code: 0, offset: 0 };
    if (!tell(reset) || !tell({ kind: 'streamStop', stream, code: 0 })) break;
    stream += 2;
  }
  t.true(stream > 1_000 && stream < 10_000, `${stream}`);
});

test('a bundle that ends too soon, is nested or has too many cargos is refused', (t) => {
  const message = encodeCargo({ kind: 'message', priority: 'twin', data: pattern(3) });
  const bundle = encodeSymbol([message, message]);
  const nested = encodeSymbol([bundle, message]);
  const crowd = encodeSymbol(Array.from({ length: 257 }, () => message.subarray(0, 1)));
  const freight = new Freight({ role: 'client' });
  t.is((freight.receive(bundle) as unknown[]).length, 2);
  for (const symbol of [bundle.subarray(0, -1), nested, crowd, new Uint8Array(0)])
    t.is(freight.receive(symbol), 'broken');
});

test('no mutated symbol makes an end throw, or hold more than it may', (t) => {
  const random = seededRandom(11);
  const below = (limit: number): number => Math.floor(random.unit() * limit);
  const seeds: Uint8Array[] = BREACHES.flatMap(([, cargos]) => cargos.map(encodeCargo));
  let accepted = 0;
  let freight = new Freight({ role: 'server' });
  for (let round = 0; round < 60_000; round++) {
    if (round % 100 === 0) {
      freight = new Freight({ role: 'server' });
      freight.onStream((stream) => stream.read());
      freight.openStream()?.write(pattern(10));
    }
    const symbol = Uint8Array.from(seeds[below(seeds.length)]!);
    for (let change = below(4); change > 0; change--)
      symbol[below(Math.min(12, symbol.length))] = below(256);
    const other = symbol.slice(0, below(symbol.length));
    const bytes = below(3) === 0 ? encodeSymbol([symbol, other]) : symbol;
    if (freight.receive(bytes) !== 'broken') accepted++;
    if (below(20) === 0) freight.next(SYMBOL_BYTES, false);
    if (round % 100 < 99) continue;
    const { halfArrivedBytes, unreadBytes } = freight.status;
    t.true(halfArrivedBytes <= 100 * LIMITS.messageBytes);
    t.true(unreadBytes <= 200 * STREAM_LIMITS.blockBytes);
  }
  t.true(accepted > 2_000, `${accepted}`);
});
