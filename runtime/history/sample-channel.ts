import { EdgeError } from '#protocol/errors.js';
import { LIMITS } from '#protocol/limits.js';
import type { Log } from '#protocol/log.js';
import { decodeSample } from '#protocol/sample-line.js';
import { dated } from '#protocol/taken-at.js';
import { SAMPLES_FEATURE } from '#protocol/sync-message-samples.js';
import type { SampleRow } from '#protocol/sync-message-samples.js';
import type { SyncMessage, Welcome } from '#protocol/sync-message.js';
import type { NumberRange } from '#journal/series-tables.js';
import type { SeriesRow } from '#journal/series-text.js';
import type { Priority } from '#tunnel/transport.js';
import type { Channel } from '../edgehub/channel.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import { learntBoots } from '../time/time-keeper.js';
import { FlightWindow } from './flight-window.js';
import type { History } from './history.js';
import { HISTORY_LIMITS } from './limits.js';

/** Characters around the fields of one row, and about what its numbers take. */
const ROW_CHARS = 16;

/** From its first row on; before that, numbers without one. */
interface Flight extends NumberRange {
  readonly chars: number;
  readonly sentAtMs: number;
}

/** Whatever ends with the session. */
interface Stream {
  readonly window: FlightWindow;
  /** The hub accounts for everything up to here, durably. */
  stored: number;
  /** Everything up to here was offered to the link; `highest`: also before it was sent again. */
  sent: number;
  highest: number;
  flights: Flight[];
  flightChars: number;
  /** Durable rows behind `sent`, read already. */
  rows: readonly SeriesRow[];
  /** Numbers up to here have no row: they were given up. */
  gapTo: number;
  /** What was durable at the last look: up to here nothing waits for company. */
  behindTo: number;
  isReading: boolean;
  readAgainAtMs: number;
  opensAtMs: number;
}

/**
 * The sample stream of a session (docs/sync-protocol.md section 4.3): contiguous ranges from where
 * the hub stands, several in flight, cumulatively acknowledged. A number without a row leaves as
 * one of `dropped`. Only durable rows are read (I1), and state goes first (hole H31).
 */
export class SampleChannel implements Channel {
  readonly feature = SAMPLES_FEATURE;
  #history: History;
  #meta: MetaStore;
  #log: Log;
  #stream: Stream | undefined;
  /** Of the session that ended: the next one says what of it arrived. */
  #ended: readonly Flight[] = [];
  #ready: () => void = () => undefined;
  /** The time of the last call that had one. */
  #now = 0;
  #stateWaits = false;
  #durable = 0;
  #counters = { samplesSent: 0, sampleMessages: 0, samplesResent: 0, samplesUnreadable: 0 };

  constructor(history: History, meta: MetaStore, log: Log) {
    this.#history = history;
    this.#meta = meta;
    this.#log = log.child('history');
    history.series.onChange(() => this.#grown());
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counters };
  }

  begin(welcome: Welcome): void {
    this.end();
    const ended = this.#ended;
    this.#ended = [];
    if (!welcome.features.includes(SAMPLES_FEATURE)) return;
    const stored = welcome.known.samples;
    this.#history.acknowledged(
      stored,
      ended.filter(({ to }) => to <= stored),
    );
    this.#stream = {
      window: new FlightWindow(),
      ...{
        stored,
        sent: stored,
        highest: stored,
        flights: [],
        flightChars: 0,
        rows: [],
        gapTo: stored,
      },
      ...{ behindTo: stored, isReading: false, readAgainAtMs: 0, opensAtMs: 0 },
    };
  }

  end(): void {
    if (this.#stream !== undefined) this.#ended = this.#stream.flights;
    this.#stream = undefined;
  }

  receive(message: SyncMessage, now: number): boolean {
    if (message.kind !== 'sack') return false;
    const stream = this.#stream;
    // A number that this gateway has not sent in this session was never the hub's to acknowledge.
    if (stream === undefined || message.stored > stream.highest) return true;
    if (message.stored <= stream.stored) return true;
    stream.stored = message.stored;
    // A late answer to what is being sent again.
    if (stream.stored > stream.sent) rewind(stream);
    const arrived: Flight[] = [];
    for (let flight = stream.flights[0]; flight !== undefined; flight = stream.flights[0]) {
      if (flight.to > message.stored) break;
      stream.flights.shift();
      arrived.push(flight);
      stream.flightChars -= flight.chars;
      stream.window.answered(flight.chars, flight.sentAtMs, now);
    }
    this.#history.acknowledged(message.stored, arrived);
    return true;
  }

  next(
    epoch: number,
    now: number,
    stateWaits = false,
  ): { message: SyncMessage; priority: Priority } | undefined {
    this.#now = now;
    this.#stateWaits = stateWaits;
    const stream = this.#stream;
    if (stream === undefined) return undefined;
    this.#resend(stream, now);
    if (stateWaits || !hasRoom(stream)) return undefined;
    if (stream.rows.length === 0 && stream.gapTo <= stream.sent) {
      this.#read(stream, now);
      return undefined;
    }
    const { taken, chars } = take(stream);
    return { message: this.#message(stream, epoch, taken, chars, now), priority: 'samples' };
  }

  wakeAt(): number | undefined {
    const stream = this.#stream;
    if (stream === undefined) return undefined;
    const [oldest] = stream.flights;
    const resendAtMs = oldest === undefined ? Infinity : oldest.sentAtMs + HISTORY_LIMITS.resendMs;
    const soonest = Math.min(resendAtMs, this.#sendAtMs(stream));
    return soonest === Infinity ? undefined : soonest;
  }

  get inFlight(): number {
    return this.#stream?.flights.length ?? 0;
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  /** When there will be something to send that only the time holds back. */
  #sendAtMs(stream: Stream): number {
    const isUnsent = this.#history.series.durable > stream.sent;
    if (!isUnsent || stream.isReading || this.#stateWaits || !hasRoom(stream)) return Infinity;
    // What was there at the last look does not wait; a trickle is read when it may leave.
    const opensAtMs = stream.sent < stream.behindTo ? 0 : stream.opensAtMs;
    return Math.max(opensAtMs, stream.readAgainAtMs);
  }

  /** New rows: whoever waits for the window already need not hear of more. */
  #grown(): void {
    const { durable } = this.#history.series;
    const wasSent = this.#stream !== undefined && this.#stream.sent >= this.#durable;
    this.#durable = durable;
    if (wasSent) this.#ready();
  }

  #read(stream: Stream, now: number): void {
    const { series } = this.#history;
    const upTo = series.durable;
    if (stream.isReading || upTo <= stream.sent) return;
    if (now < this.#sendAtMs(stream)) return;
    stream.isReading = true;
    stream.behindTo = upTo;
    const { sent } = stream;
    series.read(sent).then(
      (stretch) => {
        stream.isReading = false;
        // Sent again from further back meanwhile, or the session is over.
        if (this.#stream !== stream || stream.sent !== sent) return;
        if (stretch === undefined) stream.gapTo = upTo;
        else stream.rows = stretch.rows;
        this.#ready();
      },
      (thrown: unknown) => {
        stream.isReading = false;
        stream.readAgainAtMs = this.#now + HISTORY_LIMITS.retryMs;
        const error = EdgeError.from(thrown, 'EDGE_STORAGE');
        this.#log.warn('samples-not-readable', { error });
      },
    );
  }

  #message(stream: Stream, epoch: number, taken: number, chars: number, now: number): SyncMessage {
    const from = stream.sent;
    const to = taken === 0 ? stream.gapTo : (stream.rows[taken - 1]?.n ?? from);
    const first = taken === 0 ? to + 1 : (stream.rows[0]?.n ?? from);
    const rows = stream.rows.slice(0, taken).flatMap((row) => this.#row(row) ?? []);
    stream.rows = stream.rows.slice(taken);
    stream.sent = to;
    stream.highest = Math.max(stream.highest, to);
    stream.flights.push({ from: first, to, chars, sentAtMs: now });
    stream.flightChars += chars;
    stream.opensAtMs = now + HISTORY_LIMITS.windowMs;
    this.#counters.sampleMessages++;
    this.#counters.samplesSent += rows.length;
    return { kind: 'samples', epoch, from, to, dropped: to - from - rows.length, rows };
  }

  #row({ n, time, text }: SeriesRow): SampleRow | undefined {
    const sample = decodeSample(text);
    if (sample === undefined) {
      this.#counters.samplesUnreadable++;
      return undefined;
    }
    const { life, taken, ...rest } = sample;
    // The generation of a life is known only once the hub has given one; its counter stays.
    const known = ['devices', 'hubDevices'] as const;
    const incarnation = known
      .map((table) => this.#meta.get(table, sample.device)?.incarnation)
      .find((own) => own?.n === life) ?? { gen: this.#meta.identity().gen, n: life };
    return { ...rest, incarnation, n, ...dated(time, taken, learntBoots(this.#meta)) };
  }

  #resend(stream: Stream, now: number): void {
    const [oldest] = stream.flights;
    if (oldest === undefined || now - oldest.sentAtMs < HISTORY_LIMITS.resendMs) return;
    this.#counters.samplesResent += stream.sent - stream.stored;
    rewind(stream);
  }
}

/**
 * Goes on from where the hub stands. Which copy of a message arrives nobody knows: what is dropped
 * from now on counts as lost, though its row may have arrived.
 */
function rewind(stream: Stream): void {
  stream.sent = stream.stored;
  stream.gapTo = stream.stored;
  stream.rows = [];
  stream.flights = [];
  stream.flightChars = 0;
}

function hasRoom({ flights, flightChars, window }: Stream): boolean {
  return flights.length < HISTORY_LIMITS.messagesInFlight && flightChars < window.chars;
}

/** The rows of the next message; none of them: only a gap is left. */
function take({ rows, window }: Stream): { readonly taken: number; readonly chars: number } {
  let [taken, chars] = [0, ROW_CHARS];
  for (const { text } of rows) {
    const more = chars + text.length + ROW_CHARS;
    if (taken > 0 && (more > window.messageChars || taken === LIMITS.messageRows)) break;
    chars = more;
    taken++;
  }
  return { taken, chars };
}
