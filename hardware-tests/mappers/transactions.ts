import { sleep, systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import type { BusSettings } from '#mappers/modbus/bus-settings.js';
import type { BusOutcome } from '#mappers/modbus/job.js';
import { busOf } from '#mappers/modbus/transport.js';

export interface Tally {
  right: number;
  /** A value that the slave's register did not hold. */
  wrong: number;
  /** What was asked and what came, of the first wrong ones. */
  readonly examples: readonly string[];
  /** Ended without a value, with a reason. */
  failed: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** What a register may hold: what was tried since the last write that was confirmed, and that. */
interface Register {
  readonly tried: number[];
  sureFrom: number;
}

const EXAMPLES = 10;
const WAITING = 24;
const REGISTERS = 2000;
/** Registers from here on are written, those before only read. */
const WRITTEN_FROM = 1000;

/**
 * Reads and writes of slaves whose holding register r holds unit * 2000 + r until it is written. A
 * read is right when each register may have held its value at some time while the read was under way.
 */
export async function transact(
  settings: BusSettings,
  units: readonly number[],
  count: number,
  timeoutMs: number,
  seed: number,
): Promise<Tally> {
  const random = seededRandom(seed);
  const upTo = (limit: number): number => Math.floor(random.unit() * limit);
  const { bus, open } = busOf(settings, systemClock);
  const ports = { clock: systemClock, random: seededRandom(seed + 1), log: silentLog };
  const runner = new BusRunner(bus, open, ports);
  const tally = { right: 0, wrong: 0, failed: 0, examples: [] as string[] };
  const registers = new Map<string, Register>();
  const busy = new Set<string>();
  const registerOf = (unit: number, offset: number): Register => {
    const key = `${unit} ${offset}`;
    const known = registers.get(key);
    if (known !== undefined) return known;
    const fresh = { tried: [(unit * 2000 + offset) & 0xffff], sureFrom: 0 };
    registers.set(key, fresh);
    return fresh;
  };

  /** A bus that does not send now says so at once; a device's next cycle comes later as well. */
  const pause = (): Promise<void> => sleep(systemClock, 'next cycle', 50);
  const read = async (unit: number, offset: number): Promise<void> => {
    const count = 1 + upTo(10);
    const own = Array.from({ length: count }, (_, at) => registerOf(unit, offset + at));
    const since = own.map(({ sureFrom }) => sureFrom);
    const request = { op: 'read', unit, kind: 'holding', offset, count } as const;
    const outcome = await runner.request(request, { priority: 'poll', timeoutMs });
    if (isUnsent(outcome)) return pause();
    if (outcome.kind !== 'data') tally.failed += 1;
    else if (
      outcome.words.length === count &&
      outcome.words.every((word, at) => own[at]?.tried.includes(word, since[at]))
    )
      tally.right += 1;
    else {
      tally.wrong += 1;
      const held = own.map(({ tried, sureFrom }) => tried.slice(sureFrom).join('|'));
      if (tally.examples.length < EXAMPLES)
        tally.examples.push(`unit ${unit} ${offset}: ${outcome.words.join()} not ${held.join()}`);
    }
  };
  const write = async (unit: number, offset: number, value: number): Promise<void> => {
    const key = `${unit} ${offset}`;
    if (busy.has(key)) return;
    busy.add(key);
    const register = registerOf(unit, offset);
    const at = register.tried.push(value) - 1;
    const request = { op: 'write', unit, kind: 'holding', offset, words: [value] } as const;
    const outcome = await runner.request(request, { priority: 'write', timeoutMs });
    busy.delete(key);
    if (outcome.kind === 'data') register.sureFrom = at;
    if (isUnsent(outcome)) return pause();
    if (outcome.kind === 'data') tally.right += 1;
    else tally.failed += 1;
  };

  const worker = async (): Promise<void> => {
    while (tally.right + tally.wrong + tally.failed < count) {
      const unit = units[upTo(units.length)] ?? 1;
      const isWrite = random.unit() < 0.1;
      if (isWrite) await write(unit, WRITTEN_FROM + upTo(REGISTERS - WRITTEN_FROM), upTo(0xffff));
      else await read(unit, upTo(REGISTERS - 20));
    }
  };
  await Promise.all(Array.from({ length: WAITING }, worker));
  const counters = runner.counters();
  await runner.close();
  return { ...tally, counters };
}

function isUnsent(outcome: BusOutcome): boolean {
  return outcome.kind === 'failed' && outcome.unsent === true;
}
