import { seededRandom } from '#protocol/random.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { RECOVERY, type OperatingPoint } from '#tunnel/coded/recovery/constants.js';
import { SimulatedPath } from './simulated-path.js';
import type { LinkOptions } from './simulated-link.js';

const POINTS: readonly OperatingPoint[] = ['asap', 'lean', 'bulk'];

/** One seed in so many offers more at once than the window takes. */
const FULL_WINDOW_EVERY = 50;

/**
 * A link as bad as a seed makes it, both ways, that is calm from some time on: within three round
 * trips and one probe after it everything must have arrived, unchanged and once, and the exchanges
 * must have fallen silent soon after; at no event may window or memory exceed its limit, or an end
 * with something open have no time to go on at. Says what went wrong, if anything did.
 */
export function livenessTrial(seed: number, bench: Workbench): string | undefined {
  const random = seededRandom(seed);
  const roundTripMs = 20 + random.unit() * 580;
  const calmFromMs = 2_000 + random.unit() * 8_000;
  const link = (): LinkOptions => ({
    delayMs: roundTripMs / 2,
    jitterMs: random.unit() * 10,
    reorders: random.unit() < 0.3,
    calmFromMs,
    ...(random.unit() < 0.7 ? { loss: random.unit() * 0.6 } : {}),
    ...(random.unit() < 0.3
      ? { fades: { goodMs: 50 + random.unit() * 1_000, badMs: 10 + random.unit() * 500 } }
      : {}),
    ...(random.unit() < 0.3 ? { blackout: { fromMs: calmFromMs / 3, untilMs: calmFromMs } } : {}),
  });
  const sent: [Uint8Array[], Uint8Array[]] = [[], []];
  const got = [new Set<number>(), new Set<number>()] as const;
  let lastAt = 0;
  let wrong: string | undefined;
  const taken = bench.pool.taken;
  const path = new SimulatedPath({
    links: [link(), link()],
    roundTripMs,
    seed,
    bench,
    watch: ({ sender, decoder }) => {
      if (sender.room < 0 || decoder.counts.outside > 0) wrong ??= 'the window is exceeded';
      if (sender.open > 0 && sender.wakeAt() === undefined) wrong ??= 'silent with data waiting';
      if (decoder.undecided > CODED_LIMITS.undecidedRows) wrong ??= 'too many undecided rows';
      if (decoder.knownBytes > CODED_LIMITS.knownBytes) wrong ??= 'too many known bytes';
    },
    onSymbol: (end, { number, data }, now) => {
      const from = end === 0 ? 1 : 0;
      if (Buffer.compare(sent[from][number] ?? Buffer.alloc(0), data) !== 0)
        wrong ??= `symbol ${number} arrived changed`;
      if (got[from].has(number)) wrong ??= `symbol ${number} arrived twice`;
      got[from].add(number);
      lastAt = now;
    },
  });
  for (const end of [0, 1] as const) {
    const count = Math.floor(random.unit() * 300);
    for (let message = 0; message < count; message++)
      path.at(random.unit() * calmFromMs, () => {
        const data = random.bytes(1 + Math.floor(random.unit() * 400));
        const point = POINTS[Math.floor(random.unit() * 3)] ?? 'lean';
        if (path.ends[end].exchange.offer(data, point, path.now) !== undefined)
          sent[end].push(data);
      });
  }
  if (seed % FULL_WINDOW_EVERY === 0)
    path.at(calmFromMs / 2, () => {
      for (let symbol = 0; symbol < 2 * CODED_LIMITS.windowSymbols; symbol++) {
        const data = Uint8Array.of(symbol, symbol >> 8);
        if (path.ends[0].exchange.offer(data, 'bulk', path.now) !== undefined) sent[0].push(data);
      }
    });
  const endedAt = path.run(calmFromMs + 600_000);
  const probeMs =
    RECOVERY.backoffMax * (Math.max(...path.ends.map(slowestMs)) + RECOVERY.ackDelayMaxMs);
  for (const end of [0, 1] as const) {
    if (got[end].size !== sent[end].length)
      wrong ??= `${got[end].size} of ${sent[end].length} arrived from end ${end}`;
    if (path.ends[end].exchange.sender.open > 0) wrong ??= `end ${end} never learnt of it`;
  }
  if (lastAt > calmFromMs + 3 * roundTripMs + probeMs) wrong ??= `the last one at ${lastAt}`;
  if (endedAt > calmFromMs + 6 * roundTripMs + 2 * probeMs) wrong ??= `not silent at ${endedAt}`;
  for (const { exchange } of path.ends) exchange.decoder.close();
  if (bench.pool.taken !== taken) wrong ??= 'rows were lost';
  return wrong === undefined ? undefined : `seed ${seed}: ${wrong} (calm from ${calmFromMs})`;
}

function slowestMs({ exchange }: SimulatedPath['ends'][0]): number {
  const { smoothedMs, variationMs } = exchange.path.roundTrip;
  return smoothedMs + 6 * variationMs + 10;
}
