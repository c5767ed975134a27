import type { Clock } from '#protocol/clock.js';
import type { Property } from '#protocol/device.js';
import type { WriteOutcome } from '#protocol/mapper-port.js';
import type { Value } from '#protocol/twin.js';
import type { Driver, PointResult } from '../driver.js';
import { resultOf } from '../present.js';
import { isLine } from './bus-settings.js';
import type { BusRunner } from './bus-runner.js';
import type { ModbusSettings } from './config.js';
import type { ModbusRequest } from './frame.js';
import { Holes } from './holes.js';
import type { Priority } from './job.js';
import { MaskedWriter } from './masked-write.js';
import { outcomeOf } from './outcome.js';
import { PlainWriter, type Ask } from './plain-write.js';
import { planReads, type PlannedRead, type Span } from './plan.js';
import { rulesOf } from './rules.js';
import { refused, refusesTogether, trouble, type Heard } from './trouble.js';
import { decode, encode, type Visitor } from './visitor.js';

/** One span of a property: its value, or the exponent that its value is scaled by. */
interface Point extends Span {
  readonly property: Property;
  readonly visitor: Visitor;
  readonly part: 'value' | 'exponent';
}

/** What was heard of one property, until all its parts are there. */
interface Found {
  value?: Heard;
  exponent?: Heard;
  timestamp: number;
}

/** One Modbus unit: plans its reads, turns words into values and back. */
export class ModbusDriver implements Driver {
  readonly #settings: ModbusSettings;
  readonly #runner: BusRunner;
  readonly #clock: Clock;
  readonly #holes = new Holes();
  readonly #plain: PlainWriter;
  readonly #masked: MaskedWriter;
  #isClosed = false;

  constructor(settings: ModbusSettings, runner: BusRunner, clock: Clock) {
    this.#settings = settings;
    this.#runner = runner;
    this.#clock = clock;
    const ask: Ask = (request, priority, notAfterMs) =>
      this.#request(request, priority, undefined, notAfterMs);
    this.#plain = new PlainWriter(ask);
    this.#masked = new MaskedWriter(ask, this.#plain);
  }

  trouble(): string | undefined {
    return this.#runner.trouble;
  }

  /** What a read under way has not asked yet is not asked any more. */
  close(): void {
    this.#isClosed = true;
  }

  async read(properties: readonly Property[], urgent: boolean): Promise<readonly PointResult[]> {
    const known = properties.flatMap((property) => {
      const visitor = this.#settings.visitors.get(property.name);
      return visitor === undefined ? [] : [{ property, visitor }];
    });
    const priority: Priority = urgent ? 'read-back' : 'poll';
    const cycleMs = Math.min(...properties.map(({ collectCycleMs }) => collectCycleMs));
    const dueMs = this.#clock.now() + cycleMs;
    const found = new Map<Point['property'], Found>();
    const reads = [...planReads(known.flatMap(pointsOf), this.#rules())];
    const worker = async (): Promise<void> => {
      for (let read = reads.shift(); read && !this.#isClosed; read = reads.shift()) {
        const heard = await this.#ask(read, priority, dueMs);
        const parts = refusesTogether(read.spans.length, heard)
          ? this.#holes.part(read)
          : undefined;
        if (parts === undefined) this.#keep(read, heard, found);
        else reads.unshift(...parts);
      }
    };
    // A line carries one request at a time; a connection as many as its device is seen to take.
    const isParallel = !isLine(this.#settings.bus.transport);
    await Promise.all((isParallel ? [...reads] : reads.slice(0, 1)).map(worker));
    return known.map(({ property, visitor }) => this.#result(property, visitor, found));
  }

  async write(property: Property, value: Value, notAfterMs?: number): Promise<WriteOutcome> {
    const visitor = this.#settings.visitors.get(property.name);
    if (visitor === undefined)
      return refused('EDGE_NO_PROPERTY', `no visitor says where ${property.name} is`);
    const { kind, offset } = visitor;
    if (kind === 'input' || kind === 'discrete')
      return refused('EDGE_READ_ONLY', `${property.name} is in a read-only register`);
    let exponent: number | undefined;
    if (visitor.exponentAt !== undefined) {
      const heard = await this.#ask({ kind, offset: visitor.exponentAt, count: 1 }, 'write');
      if (!('words' in heard)) return { ...refused(heard.reason, heard.why), retry: true };
      exponent = heard.words[0];
    }
    const encoded = encode(visitor, property.type, value, exponent);
    if (!encoded.ok) return refused(encoded.code, `${property.name}: ${encoded.why}`);
    const { unit } = this.#settings;
    const [word = 0] = encoded.words;
    if (encoded.mask !== undefined)
      return this.#masked.write({ unit, offset, word, mask: encoded.mask }, notAfterMs);
    const request = { op: 'write', unit, kind, offset, words: encoded.words } as const;
    return outcomeOf(await this.#plain.write(request, notAfterMs));
  }

  #rules(): ReturnType<typeof rulesOf> {
    const { unit } = this.#settings;
    return rulesOf(this.#settings, this.#runner.turnaroundMs(unit), this.#holes.isSplitAt);
  }

  async #ask(span: Span, priority: Priority, dueMs?: number): Promise<Heard> {
    const { kind, offset, count } = span;
    const request = { op: 'read', unit: this.#settings.unit, kind, offset, count } as const;
    const outcome = await this.#request(request, priority, dueMs);
    return outcome.kind === 'data' ? { words: outcome.words } : trouble(outcome);
  }

  #request(
    request: ModbusRequest,
    priority: Priority,
    dueMs?: number,
    notAfterMs?: number,
  ): ReturnType<BusRunner['request']> {
    return this.#runner.request(request, {
      priority,
      timeoutMs: this.#settings.timeoutMs,
      ...(dueMs === undefined ? {} : { dueMs }),
      ...(notAfterMs === undefined ? {} : { notAfterMs }),
    });
  }

  #keep(read: PlannedRead<Point>, heard: Heard, found: Map<Property, Found>): void {
    const timestamp = this.#clock.wallTime();
    for (const { property, part, offset, count } of read.spans) {
      const from = offset - read.offset;
      const own = 'words' in heard ? { words: heard.words.slice(from, from + count) } : heard;
      found.set(property, { ...found.get(property), [part]: own, timestamp });
    }
  }

  #result(property: Property, visitor: Visitor, found: Map<Property, Found>): PointResult {
    const { value, exponent, timestamp } = found.get(property) ?? {
      timestamp: this.#clock.wallTime(),
    };
    const { name } = property;
    const bad = { property: name, value: null, quality: 'bad', timestamp } as const;
    if (value === undefined) return { ...bad, reason: 'EDGE_INTERNAL', detail: 'it was not read' };
    if (!('words' in value)) return { ...bad, reason: value.reason, detail: value.why };
    if (exponent !== undefined && !('words' in exponent))
      return { ...bad, reason: exponent.reason, detail: exponent.why };
    const decoded = decode(visitor, property.type, value.words, exponent?.words[0]);
    return resultOf(name, decoded, timestamp);
  }
}

function pointsOf({ property, visitor }: { property: Property; visitor: Visitor }): Point[] {
  const { kind, offset, count, exponentAt } = visitor;
  const value: Point = { kind, offset, count, property, visitor, part: 'value' };
  if (exponentAt === undefined) return [value];
  return [value, { ...value, offset: exponentAt, count: 1, part: 'exponent' }];
}
