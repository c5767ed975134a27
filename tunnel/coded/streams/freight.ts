import type { Priority } from '../../transport.js';
import type { OperatingPoint } from '../recovery/constants.js';
import type { Parcel, Role, Traffic } from '../session/traffic.js';
import { decodeSymbol } from '../wire/bundle.js';
import type { Cargo } from '../wire/cargo.js';
import { decoded } from '../wire/decoded.js';
import { ReceiveCredit, SendCredit } from './credit.js';
import { CLASS_WINDOW_BYTES, STREAM_LIMITS } from './limits.js';
import { MessageCutter } from './message-cutter.js';
import { MessageJoiner } from './message-joiner.js';
import { StreamTable } from './stream-table.js';
import type { Stream } from './stream.js';
import { SymbolBuilder } from './symbol-builder.js';
import { Turns } from './turns.js';
import { Words } from './words.js';

const CLASSES: readonly Priority[] = ['control', 'twin', 'samples', 'bulk'];

const POINT: Readonly<Record<Priority, OperatingPoint>> = {
  control: 'asap',
  twin: 'lean',
  samples: 'bulk',
  bulk: 'bulk',
};

/** For `status`: what is held, in bytes. */
export interface FreightStatus {
  readonly queuedBytes: number;
  readonly streams: number;
  readonly unreadBytes: number;
  readonly messagesHalfArrived: number;
  readonly halfArrivedBytes: number;
}

/**
 * All that one connection says and hears above symbols: messages of four classes, and streams,
 * which share the class of bulk. Pure. What the other end can make us hold is bounded by the
 * credit of each class, so that a slow reader of streams holds back bulk and nothing else.
 */
export class Freight implements Traffic {
  readonly #sendCredits = creditsOf((bytes) => new SendCredit(bytes));
  readonly #receiveCredits = creditsOf((bytes) => new ReceiveCredit(bytes));
  readonly #cutter = new MessageCutter(this.#sendCredits);
  readonly #joiner = new MessageJoiner(this.#receiveCredits);
  readonly #streams: StreamTable;
  readonly #turns = new Turns(CLASSES, STREAM_LIMITS.floorEvery);
  readonly #words = new Words();
  #streamsFirst = false;
  #ready: (() => void) | undefined;
  /** Within a call of the session, which asks for more by itself. */
  #isAsked = false;
  #closed = false;

  constructor({ role }: { readonly role: Role }) {
    this.#streams = new StreamTable({
      role,
      classCredit: this.#receiveCredits.bulk,
      say: (word) => {
        this.#words.add(word);
        this.#announce();
      },
      ready: () => this.#announce(),
      consumed: () => this.#tellLimit('bulk'),
    });
  }

  /** Undefined: as many are open as the other end allows, or the connection is over. */
  openStream(): Stream | undefined {
    return this.#closed ? undefined : this.#streams.open();
  }

  /** For the streams that the other end opens; without a listener they are reset. */
  onStream(accept: (stream: Stream) => void): void {
    this.#streams.onStream(accept);
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  send(message: Uint8Array, priority: Priority): boolean {
    return !this.#closed && this.#cutter.offer(message, priority);
  }

  relieved(): boolean {
    return this.#cutter.relieved();
  }

  get queuedBytes(): number {
    return this.#cutter.bytes + this.#streams.unsentBytes;
  }

  get status(): FreightStatus {
    return {
      queuedBytes: this.queuedBytes,
      streams: this.#streams.count,
      unreadBytes: this.#streams.memoryBytes,
      messagesHalfArrived: this.#joiner.count,
      halfArrivedBytes: this.#joiner.memoryBytes,
    };
  }

  next(bytes: number, urgentOnly: boolean): Parcel | undefined {
    return this.#asked(() => this.#next(bytes, urgentOnly));
  }

  wakeAt(): number {
    return Infinity;
  }

  receive(symbol: Uint8Array): readonly Uint8Array[] | 'broken' {
    return this.#asked(() => this.#receive(symbol));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#words.clear();
    this.#cutter.clear();
    this.#joiner.clear();
    this.#streams.lose();
  }

  #next(bytes: number, urgentOnly: boolean): Parcel | undefined {
    if (this.#closed) return undefined;
    const words = this.#words.take(bytes);
    if (words !== undefined) return { data: words, point: 'lean' };
    const priority = this.#turns.next(
      (candidate) => (!urgentOnly || candidate === 'control') && this.#isReady(candidate, bytes),
    );
    if (priority === undefined) return undefined;
    const builder = new SymbolBuilder(bytes);
    if (priority === 'bulk') this.#fillBulk(builder);
    else this.#cutter.fill(builder, priority);
    const data = builder.symbol();
    return data === undefined ? undefined : { data, point: POINT[priority] };
  }

  #receive(symbol: Uint8Array): readonly Uint8Array[] | 'broken' {
    const cargos = this.#closed ? decoded([]) : decodeSymbol(symbol);
    if (!cargos.ok) return 'broken';
    const messages: Uint8Array[] = [];
    for (const cargo of cargos.value) {
      const whole = this.#take(cargo);
      if (whole === 'broken') return 'broken';
      // A small message must not keep the rest of its symbol in memory.
      if (whole !== undefined) messages.push(cargos.value.length > 1 ? whole.slice() : whole);
    }
    for (const priority of CLASSES) this.#tellLimit(priority);
    return this.#words.tooMany ? 'broken' : messages;
  }

  #asked<T>(call: () => T): T {
    this.#isAsked = true;
    try {
      return call();
    } finally {
      this.#isAsked = false;
    }
  }

  #announce(): void {
    if (!this.#isAsked && !this.#closed) this.#ready?.();
  }

  #take(cargo: Cargo): Uint8Array | undefined | 'broken' {
    switch (cargo.kind) {
      case 'message':
        return cargo.data;
      case 'part':
        return this.#joiner.receive(cargo);
      case 'classCredit':
        this.#sendCredits[cargo.priority].raise(cargo.limit);
        return undefined;
      case 'streamsCredit':
        this.#streams.mayOpen(cargo.limit);
        return undefined;
      case 'control':
        return undefined; // words of later versions
      case 'stream':
      case 'streamReset':
      case 'streamStop':
      case 'streamCredit':
        return this.#takeOfStream(cargo) ? undefined : 'broken';
    }
  }

  #takeOfStream(cargo: Extract<Cargo, { readonly stream: number }>): boolean {
    const stream = this.#streams.find(cargo.stream);
    if (stream === 'past') return true;
    if (stream === 'broken') return false;
    switch (cargo.kind) {
      case 'stream':
        return stream.arrived(cargo);
      case 'streamReset':
        return stream.wasReset(cargo.code, cargo.offset);
      case 'streamStop':
        stream.wasStopped(cargo.code);
        return true;
      case 'streamCredit':
        stream.raise(cargo.limit);
        return true;
    }
  }

  #isReady(priority: Priority, bytes: number): boolean {
    if (this.#cutter.isReady(priority, bytes)) return true;
    return priority === 'bulk' && this.#streams.isReady && this.#sendCredits.bulk.left > 0;
  }

  /** Messages and streams first in turn, the streams among themselves too. */
  #fillBulk(builder: SymbolBuilder): void {
    this.#streamsFirst = !this.#streamsFirst;
    if (this.#streamsFirst) this.#fillFromStreams(builder);
    this.#cutter.fill(builder, 'bulk');
    if (!this.#streamsFirst) this.#fillFromStreams(builder);
  }

  #fillFromStreams(builder: SymbolBuilder): void {
    const credit = this.#sendCredits.bulk;
    const turns = this.#streams.count;
    for (let turn = 0; turn < turns; turn++) {
      if (credit.left <= 0) return;
      if (!builder.isEmpty && builder.room < STREAM_LIMITS.pieceRoomMin) return;
      const stream = this.#streams.next();
      const part = stream?.take(builder.room, credit.left);
      if (stream !== undefined) this.#streams.requeue(stream);
      if (part === undefined) return;
      credit.use(part.data.length);
      builder.add(part);
    }
  }

  #tellLimit(priority: Priority): void {
    const limit = this.#receiveCredits[priority].takeLimit();
    if (limit === undefined) return;
    this.#words.add({ kind: 'classCredit', priority, limit });
    this.#announce();
  }
}

function creditsOf<T>(make: (bytes: number) => T): Readonly<Record<Priority, T>> {
  const of = (priority: Priority): T => make(CLASS_WINDOW_BYTES[priority]);
  return { control: of('control'), twin: of('twin'), samples: of('samples'), bulk: of('bulk') };
}
