import { seededRandom } from '#protocol/random.js';
import { EdgeError } from '#protocol/errors.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { symbolRoom, type Exchange } from '#tunnel/coded/recovery/exchange.js';
import { SHORT_HEADER_BYTES } from '#tunnel/coded/wire/packet-header.js';
import { SimulatedPath, type Gate } from './simulated-path.js';
import type { LinkOptions } from './simulated-link.js';

export interface BulkLoad {
  readonly bytes: number;
  readonly roundTripMs: number;
  readonly seed: number;
  /** Bytes per millisecond of the link; the sender knows it and sends no faster. */
  readonly rate: number;
  readonly link?: Partial<LinkOptions>;
  /** Coded rows finish the tail; without them only retransmissions do. */
  readonly tail: boolean;
}

export interface BulkFigures {
  /** From the first byte sent to the last one known. */
  readonly seconds: number;
  /** Times what the link needs for these bytes and losses alone, and half a round trip. */
  readonly timesIdeal: number;
  /** Bytes sent per byte of the transfer, headers included. */
  readonly overhead: number;
}

/** Sends at the link's rate, as perfect congestion control would. */
class RateGate implements Gate {
  readonly #rate: number;
  #freeAt = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  maySend(now: number): boolean {
    return this.#freeAt <= now;
  }

  onSent({ bytes }: { readonly bytes: number }, now: number): void {
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / this.#rate;
  }

  wakeAt(now: number): number {
    return this.#freeAt > now ? this.#freeAt : Infinity;
  }

  onPause(): void {
    // It opens by time alone.
  }

  onTimer(): void {
    // It opens by time alone.
  }

  heard(): void {
    // It knows the rate.
  }
}

const SYMBOL_BYTES = symbolRoom(CODED_LIMITS.datagramBytes - SHORT_HEADER_BYTES - 16);

export function runBulk(load: BulkLoad, bench: Workbench): BulkFigures {
  const { bytes, roundTripMs, seed, rate } = load;
  const random = seededRandom(seed);
  const count = Math.ceil(bytes / SYMBOL_BYTES);
  const sent: Uint8Array[] = [];
  let known = 0;
  let doneAt = 0;
  const base = { delayMs: roundTripMs / 2, jitterMs: 2, ...load.link };
  const path: SimulatedPath = new SimulatedPath({
    links: [{ ...base, rate, queueBytes: 125_000 }, base],
    roundTripMs: roundTripMs + 4,
    seed,
    bench,
    gate: () => new RateGate(rate),
    onSymbol: (end, { number, data }, now) => {
      if (end === 0) return;
      if (Buffer.compare(sent[number] ?? Buffer.alloc(0), data) !== 0)
        throw new EdgeError('EDGE_INTERNAL', `seed ${seed}: symbol ${number} arrived changed.`);
      known++;
      doneAt = now;
      fill();
    },
  });
  const [near] = path.ends;
  const fill = (): void => {
    const exchange: Exchange = near.exchange;
    while (sent.length < count) {
      const data = random.bytes(SYMBOL_BYTES);
      if (exchange.offer(data, 'bulk', path.now) === undefined) return;
      sent.push(data);
    }
  };
  const step = (): void => {
    fill();
    if (sent.length === count && load.tail) near.exchange.sender.finish();
    if (known < count) path.at(path.now + 5, step);
  };
  path.at(0, step);
  path.run(600_000);
  if (known < count)
    throw new EdgeError('EDGE_INTERNAL', `seed ${seed}: ${known} of ${count} symbols arrived.`);
  const wire = (count * CODED_LIMITS.datagramBytes) / rate / (1 - (load.link?.loss ?? 0));
  return {
    seconds: doneAt / 1_000,
    timesIdeal: doneAt / (wire + roundTripMs / 2),
    overhead: near.bytes / bytes,
  };
}
