import type { Clock } from '#protocol/clock.js';
import type { Property } from '#protocol/device.js';
import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { Value } from '#protocol/twin.js';
import type { Driver, PointResult } from '../driver.js';
import type { BusOutcome, Priority } from './bus.js';
import type { BusRunner } from './bus-runner.js';
import type { ModbusSettings } from './config.js';
import { exceptionName } from './frame.js';
import {
  ADJACENT_RULES,
  planReads,
  RTU_RULES,
  TCP_RULES,
  type PlannedRead,
  type PlanRules,
  type Span,
} from './plan.js';
import { decode, encode, type Visitor } from './visitor.js';

interface Point extends Span {
  readonly property: Property;
  readonly visitor: Visitor;
}

type Heard = { readonly words: readonly number[] } | Trouble;

interface Trouble {
  readonly reason: string;
  readonly why: string;
  readonly exception?: number;
}

const ILLEGAL_DATA_ADDRESS = 2;
/** ACKNOWLEDGE and GATEWAY TARGET DEVICE FAILED TO RESPOND leave open what the device does. */
const VAGUE: readonly number[] = [5, 11];
/** Time-outs in a row after which the rest of a poll is not asked for: it would only take longer. */
const MISSES_MAX = 2;

/** One Modbus unit: plans its reads, turns words into values and back. */
export class ModbusDriver implements Driver {
  readonly #settings: ModbusSettings;
  readonly #runner: BusRunner;
  readonly #clock: Clock;
  #rules: PlanRules;
  /** The device did not answer the last poll: ask it one thing, not all, until it does. */
  #silent = false;

  constructor(settings: ModbusSettings, runner: BusRunner, clock: Clock) {
    this.#settings = settings;
    this.#runner = runner;
    this.#clock = clock;
    this.#rules = settings.bus.transport === 'tcp' ? TCP_RULES : RTU_RULES;
  }

  trouble(): string | undefined {
    return this.#runner.trouble;
  }

  async read(properties: readonly Property[], urgent: boolean): Promise<readonly PointResult[]> {
    const points = properties.flatMap((property) => {
      const visitor = this.#settings.visitors.get(property.name);
      return visitor === undefined ? [] : [{ ...span(visitor), property, visitor }];
    });
    const results: PointResult[] = [];
    let misses = 0;
    let heard: Heard | undefined;
    for (const read of planReads(points, this.#rules)) {
      const hopeless = misses >= (this.#silent ? 1 : MISSES_MAX);
      if (heard === undefined || !hopeless) {
        heard = await this.#request(read, urgent);
        misses = 'words' in heard || !isUnheard(heard.reason) ? 0 : misses + 1;
        this.#silent &&= misses > 0;
      }
      if (refusesAlong(read, heard)) {
        this.#rules = ADJACENT_RULES;
        results.push(...(await this.#readApart(read, urgent)));
      } else {
        results.push(...this.#results(read, heard));
      }
    }
    this.#silent = misses > 0 && results.every(({ reason }) => isUnheard(reason));
    return results;
  }

  async write(property: Property, value: Value, notAfterMs?: number): Promise<WriteOutcome> {
    const visitor = this.#settings.visitors.get(property.name);
    if (visitor === undefined)
      return refused('EDGE_NO_PROPERTY', `no visitor says where ${property.name} is`, false);
    const { kind, offset } = visitor;
    if (kind === 'input' || kind === 'discrete')
      return refused('EDGE_READ_ONLY', `${property.name} is in a read-only register`, false);
    const encoded = encode(visitor, property.type, value);
    if (!encoded.ok) return refused(encoded.code, `${property.name}: ${encoded.why}`, false);
    const { unit, timeoutMs } = this.#settings;
    const request = { op: 'write', unit, kind, offset, words: encoded.words } as const;
    const outcome = await this.#runner.request(request, 'write', timeoutMs, notAfterMs);
    if (outcome.kind === 'data') return { ok: true };
    const { reason, why, exception } = trouble(outcome);
    const failure = refused(reason, why, outcome.kind === 'failed');
    if (outcome.kind === 'failed' && outcome.unsent === true) return { ...failure, effect: 'none' };
    const isVague = exception !== undefined && VAGUE.includes(exception);
    return isVague ? { ...failure, effect: 'unknown' } : failure;
  }

  async #request(read: Span, urgent: boolean): Promise<Heard> {
    const { unit, timeoutMs } = this.#settings;
    const { kind, offset, count } = read;
    const priority: Priority = urgent ? 'read-back' : 'poll';
    const request = { op: 'read', unit, kind, offset, count } as const;
    const outcome = await this.#runner.request(request, priority, timeoutMs);
    return outcome.kind === 'data' ? { words: outcome.words } : trouble(outcome);
  }

  async #readApart(read: PlannedRead<Point>, urgent: boolean): Promise<PointResult[]> {
    const results: PointResult[] = [];
    for (const part of read.spans) {
      const heard = await this.#request(part, urgent);
      results.push(...this.#results({ ...part, spans: [part] }, heard));
    }
    return results;
  }

  #results(read: PlannedRead<Point>, heard: Heard): PointResult[] {
    const timestamp = this.#clock.wallTime();
    return read.spans.map(({ property, visitor, offset, count }) => {
      const bad = { property: property.name, value: null, quality: 'bad', timestamp } as const;
      if (!('words' in heard)) return { ...bad, reason: heard.reason, detail: heard.why };
      const from = offset - read.offset;
      const decoded = decode(visitor, property.type, heard.words.slice(from, from + count));
      return decoded.ok
        ? { property: property.name, value: decoded.value, quality: 'good', timestamp }
        : { ...bad, reason: decoded.code, detail: decoded.why };
    });
  }
}

function span({ kind, offset, count }: Visitor): Span {
  return { kind, offset, count };
}

/** Exception 2 to a read of several points may mean the gaps between them, or only one of them. */
function refusesAlong(read: PlannedRead<Point>, heard: Heard): boolean {
  return read.spans.length > 1 && 'exception' in heard && heard.exception === ILLEGAL_DATA_ADDRESS;
}

function trouble(outcome: Exclude<BusOutcome, { kind: 'data' }>): Trouble {
  if (outcome.kind === 'failed') return { reason: outcome.code, why: outcome.why };
  const { code: exception } = outcome;
  const why = `the device answered with exception ${exception}, ${exceptionName(exception)}`;
  return { reason: 'EDGE_DEVICE_EXCEPTION', why, exception };
}

function isUnheard(reason: string | undefined): boolean {
  return reason === 'EDGE_DEVICE_TIMEOUT' || reason === 'EDGE_DEVICE_CLOSED';
}

function refused(
  code: string,
  message: string,
  retry: boolean,
): Exclude<WriteOutcome, { ok: true }> {
  return { ok: false, code, message, retry };
}
