import test from 'ava';
import fc from 'fast-check';
import { LIMITS } from '#protocol/limits.js';
import { seededRandom } from '#protocol/random.js';
import type { Priority } from '../../transport.js';
import { decodeSymbol } from '../wire/bundle.js';
import { Freight } from './freight.js';
import { FreightPair, pattern, SYMBOL_BYTES } from './freight-pair.js';
import { CLASS_WINDOW_BYTES } from './limits.js';

const CLASSES: readonly Priority[] = ['control', 'twin', 'samples', 'bulk'];
const digest = (bytes: Uint8Array): string =>
  `${bytes.length}:${bytes.reduce((sum, byte) => (sum * 33 + byte) >>> 0, 5381)}`;

test('messages of any size arrive whole and once, in whatever order symbols do', (t) => {
  const size = fc.oneof(
    fc.nat({ max: 300 }),
    fc.integer({ min: SYMBOL_BYTES - 20, max: SYMBOL_BYTES + 20 }),
    fc.nat({ max: 60_000 }),
  );
  const load = fc.record({ size, priority: fc.constantFrom(...CLASSES), up: fc.boolean() });
  fc.assert(
    fc.property(fc.array(load, { maxLength: 40 }), fc.nat(), (loads, seed) => {
      const pair = new FreightPair(seededRandom(seed));
      const sent: [string[], string[]] = [[], []];
      loads.forEach(({ size: length, priority, up }, index) => {
        const message = pattern(length, index);
        const from = up ? 0 : 1;
        if (!pair.ends[from].send(message, priority)) return;
        sent[1 - from]?.push(digest(message));
        if (index % 3 === 0) pair.pump();
      });
      pair.run();
      for (const end of [0, 1] as const) {
        t.deepEqual(pair.messages[end].map(digest).sort(), sent[end].sort());
        t.is(pair.ends[end].queuedBytes, 0);
        t.is(pair.ends[end].status.messagesHalfArrived, 0);
      }
    }),
    { numRuns: 150 },
  );
});

test('messages far beyond the window of their class all arrive: credit comes back', (t) => {
  const pair = new FreightPair(seededRandom(3));
  const total = (3 * CLASS_WINDOW_BYTES.twin) / LIMITS.messageBytes;
  let sent = 0;
  while (pair.messages[1].length < total) {
    while (sent < total && pair.ends[0].send(pattern(LIMITS.messageBytes, sent), 'twin')) sent++;
    pair.pump();
    if (!pair.step()) break;
  }
  t.is(pair.messages[1].length, total);
});

test('small messages share a symbol, each of them whole', (t) => {
  const pair = new FreightPair(seededRandom(1));
  for (let index = 0; index < 100; index++) pair.ends[0].send(pattern(20, index), 'twin');
  pair.run();
  t.is(pair.messages[1].length, 100);
  t.is(pair.symbols, 2);
  t.deepEqual(
    pair.messages[1].map(digest).sort(),
    [...Array(100).keys()].map((index) => digest(pattern(20, index))).sort(),
  );
});

test('a lone message costs one byte', (t) => {
  const freight = new Freight({ role: 'client' });
  freight.send(pattern(200), 'control');
  t.deepEqual(
    [freight.next(SYMBOL_BYTES, true)].map((parcel) => [parcel?.data.length, parcel?.point]),
    [[201, 'asap']],
  );
  t.is(freight.next(SYMBOL_BYTES, false), undefined);
});

test('a control message waits for one symbol, never for the bulk before it', (t) => {
  const freight = new Freight({ role: 'client' });
  for (let index = 0; index < 2; index++) freight.send(pattern(200_000), 'bulk');
  const points: (string | undefined)[] = [];
  for (let turn = 0; turn < 50; turn++) {
    if (turn % 5 === 0) freight.send(pattern(100), 'control');
    points.push(freight.next(SYMBOL_BYTES, false)?.point);
  }
  for (let turn = 0; turn < 50; turn += 5) t.true(points.slice(turn, turn + 2).includes('asap'));
});

test('with the window nearly full only control speaks', (t) => {
  const freight = new Freight({ role: 'client' });
  freight.send(pattern(5_000), 'bulk');
  freight.send(pattern(10), 'twin');
  t.is(freight.next(SYMBOL_BYTES, true), undefined);
  freight.send(pattern(10), 'control');
  t.is(freight.next(SYMBOL_BYTES, true)?.point, 'asap');
  t.is(freight.next(SYMBOL_BYTES, false)?.point, 'lean');
});

test('no class starves while the others have all they want', (t) => {
  const freight = new Freight({ role: 'client' });
  const message = pattern(60_000);
  const refill = (): void => {
    for (const priority of CLASSES.toReversed()) while (freight.send(message, priority));
  };
  const symbols = new Map<string, number>();
  for (let turn = 0; turn < 300; turn++) {
    refill();
    const data = freight.next(SYMBOL_BYTES, false)?.data;
    const cargos = data === undefined ? undefined : decodeSymbol(data);
    const cargo = cargos?.ok === true ? cargos.value[0] : undefined;
    const name = cargo !== undefined && 'priority' in cargo ? cargo.priority : 'none';
    symbols.set(name, (symbols.get(name) ?? 0) + 1);
  }
  for (const priority of CLASSES) t.true((symbols.get(priority) ?? 0) >= 10, priority);
  t.true((symbols.get('control') ?? 0) > 250);
});

test('a class that the other end holds back leaves the others alone', (t) => {
  const freight = new Freight({ role: 'client' });
  const drain = (): number => {
    let bytes = 0;
    for (
      let next = freight.next(SYMBOL_BYTES, false);
      next;
      next = freight.next(SYMBOL_BYTES, false)
    )
      bytes += next.data.length;
    return bytes;
  };
  let bulk = 0;
  for (let round = 0; round < 40; round++) {
    while (freight.send(pattern(LIMITS.messageBytes), 'bulk'));
    bulk += drain();
  }
  t.true(bulk > CLASS_WINDOW_BYTES.bulk * 0.9 && bulk < CLASS_WINDOW_BYTES.bulk * 1.02, `${bulk}`);
  t.true(freight.send(pattern(3_000), 'twin'));
  t.true(drain() > 3_000);
});

test('a full queue refuses, the urgent find room, and the relief is said once', (t) => {
  const freight = new Freight({ role: 'client' });
  while (freight.send(pattern(50_000), 'bulk'));
  t.false(freight.send(pattern(50_000), 'bulk'));
  t.true(freight.send(pattern(50_000), 'control'));
  t.false(freight.relieved());
  let relieved = 0;
  while (freight.next(SYMBOL_BYTES, false) !== undefined) if (freight.relieved()) relieved++;
  t.is(relieved, 1);
  t.is(freight.queuedBytes, 0);
});

test('a message without bytes is queued until it is handed over', (t) => {
  const freight = new Freight({ role: 'client' });
  freight.send(new Uint8Array(0), 'control');
  t.true(freight.queuedBytes > 0);
  t.is(freight.next(SYMBOL_BYTES, false)?.data.length, 1);
  t.is(freight.queuedBytes, 0);
});
