import type { BusRunner } from '#mappers/modbus/bus-runner.js';
import type { ModbusSettings } from '#mappers/modbus/config.js';
import type { Span } from '#mappers/modbus/plan.js';
import type { Check } from './report.js';

const NAME = 'answers that come too late';
/** Late answers that are waited for, and requests that are given up on the way to them. */
const LATE = 3;
const ATTEMPTS = 12;
/** Milliseconds until an answer, below which no timer ends a request before it. */
const QUICK_MS = 8;
const FUNCTIONS = { holding: 3, input: 4 } as const;

interface Place extends Span {
  readonly kind: keyof typeof FUNCTIONS;
  readonly words: readonly number[];
}

/**
 * Gives up a request in half the time that the device needs and asks for another address of it: the
 * late answer must be counted, and never be taken for the answer to that.
 */
export async function checkLateReplies(
  settings: ModbusSettings,
  runner: BusRunner,
): Promise<Check> {
  const { unit, timeoutMs } = settings;
  const turnaroundMs = runner.turnaroundMs(unit) ?? 0;
  if (turnaroundMs < QUICK_MS)
    return skipped(`it begins to answer in ${turnaroundMs.toFixed(1)} ms: nothing is late`);
  const places = await unlike(settings, runner);
  if (places === undefined) return skipped('it has no two values that stay, and differ');
  const shortMs = turnaroundMs / 2;
  const counted = (): number => runner.counters()['lateReplies'] ?? 0;
  const before = counted();
  let [given, wrong, right] = [0, 0, 0];
  for (let attempt = 0; attempt < ATTEMPTS && counted() - before < LATE; attempt += 1) {
    const [asked, other] = attempt % 2 === 0 ? places : [places[1], places[0]];
    // A read would be asked twice.
    const call = {
      op: 'call',
      unit,
      code: FUNCTIONS[asked.kind],
      data: [asked.offset >> 8, asked.offset & 0xff, 0, asked.count],
      replyBytes: 1 + 2 * asked.count,
    } as const;
    const early = await runner.request(call, { priority: 'write', timeoutMs: shortMs });
    if (early.kind === 'failed') given += 1;
    const words = await wordsAt(other, unit, runner, timeoutMs);
    if (isSame(words, other.words)) right += 1;
    else if (isSame(words, asked.words)) wrong += 1;
  }
  if (given === 0) return skipped(`it answered within ${shortMs.toFixed(1)} ms each time`);
  const late = counted() - before;
  return {
    name: NAME,
    outcome: late > 0 && right > 0 && wrong === 0 ? 'passed' : 'failed',
    detail: `${given} requests given up after ${shortMs.toFixed(1)} of ${turnaroundMs.toFixed(1)} ms: ${late} late answers counted, ${wrong} wrong values`,
  };
}

/** Two addresses of one kind and length whose values stay and differ: one told for the other shows. */
async function unlike(
  { visitors, unit, timeoutMs }: ModbusSettings,
  runner: BusRunner,
): Promise<readonly [Place, Place] | undefined> {
  const found: Place[] = [];
  for (const { kind, offset, count } of visitors.values()) {
    if (kind !== 'holding' && kind !== 'input') continue;
    const span = { kind, offset, count };
    const words = await wordsAt(span, unit, runner, timeoutMs);
    if (words === undefined || !isSame(words, await wordsAt(span, unit, runner, timeoutMs)))
      continue;
    const place = { ...span, words };
    const other = found.find(
      (one) => one.kind === kind && one.count === count && !isSame(one.words, words),
    );
    if (other !== undefined) return [other, place];
    found.push(place);
  }
  return undefined;
}

async function wordsAt(
  { kind, offset, count }: Span,
  unit: number,
  runner: BusRunner,
  timeoutMs: number,
): Promise<readonly number[] | undefined> {
  const request = { op: 'read', unit, kind, offset, count } as const;
  const outcome = await runner.request(request, { priority: 'write', timeoutMs });
  return outcome.kind === 'data' ? outcome.words : undefined;
}

function isSame(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  return a !== undefined && a.join(' ') === b?.join(' ');
}

function skipped(detail: string): Check {
  return { name: NAME, outcome: 'skipped', detail };
}
