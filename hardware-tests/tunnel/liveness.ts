import { seededRandom } from '#protocol/random.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { RECOVERY, type OperatingPoint } from '#tunnel/coded/recovery/constants.js';
import { SimulatedPath } from './simulated-path.js';
import type { LinkOptions } from './simulated-link.js';

const POINTS: readonly OperatingPoint[] = ['asap', 'lean', 'bulk'];

/**
 * A link as bad as a seed makes it, both ways, that is calm from some time on: within three round
 * trips and one probe after it everything must have arrived, unchanged and once, and the exchanges
 * must have fallen silent soon after. Says what went wrong, if anything did.
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
        if (path.ends[end].exchange.decoder.undecided > CODED_LIMITS.undecidedRows)
          wrong ??= 'too many undecided rows';
      });
  }
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
