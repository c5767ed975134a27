import test from 'ava';
import { Workbench } from '../codec/workbench.js';
import { Exchange } from './exchange.js';

const bench = new Workbench();

/** Takes packet `number` with one symbol, and says how long its acknowledgement waits. */
function waits(exchange: Exchange, number: number, symbol: number, ackNow = false): number {
  const data = Uint8Array.of(symbol);
  exchange.receive({ number, ackNow, bytes: 60 }, [{ kind: 'source', symbol, data }], 0);
  return exchange.wakeAt() ?? Infinity;
}

test('a lost packet hurries an acknowledgement when it leaves a symbol unknown, and only then', (t) => {
  const exchange = new Exchange(bench, { roundTripMs: 100 });
  const { ackDelayMs } = exchange.path.roundTrip;
  t.is(waits(exchange, 0, 0), ackDelayMs);
  t.is(waits(exchange, 2, 1), ackDelayMs); // what packet 1 was is known: it was a copy
  t.is(waits(exchange, 4, 3), 0);
});

test('a packet that asks for its acknowledgement gets it at once', (t) => {
  const exchange = new Exchange(bench, { roundTripMs: 100 });
  t.is(waits(exchange, 0, 0, true), 0);
});
