import { LIMITS } from '#protocol/limits.js';
import type { Priority } from '../../transport.js';
import type { MessagePart } from '../wire/cargo.js';
import type { ReceiveCredit } from './credit.js';
import { STREAM_LIMITS } from './limits.js';
import { RangeSet } from './range-set.js';

interface Assembly {
  readonly priority: Priority;
  readonly bytes: Uint8Array;
  readonly ranges: RangeSet;
}

/**
 * Messages that arrive in pieces, in any order. What one may hold is bounded by the credit of its
 * class, their number by the least length of a message that is cut.
 */
export class MessageJoiner {
  readonly #assemblies = new Map<number, Assembly>();
  readonly #credits: Readonly<Record<Priority, ReceiveCredit>>;

  constructor(credits: Readonly<Record<Priority, ReceiveCredit>>) {
    this.#credits = credits;
  }

  /** Messages half arrived. */
  get count(): number {
    return this.#assemblies.size;
  }

  /** Bytes of memory for them. */
  get memoryBytes(): number {
    return [...this.#assemblies.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** The message that is whole with this piece; 'broken': no honest sender makes it. */
  receive(part: MessagePart): Uint8Array | undefined | 'broken' {
    const { priority, message, offset, total, data } = part;
    if (total < STREAM_LIMITS.cutBytesMin || total > LIMITS.messageBytes) return 'broken';
    if (data.length === 0 || offset + data.length > total) return 'broken';
    let assembly = this.#assemblies.get(message);
    if (assembly === undefined) {
      if (!this.#credits[priority].receive(total)) return 'broken';
      assembly = { priority, bytes: new Uint8Array(total), ranges: new RangeSet() };
      this.#assemblies.set(message, assembly);
    }
    const { bytes, ranges } = assembly;
    if (assembly.priority !== priority || bytes.length !== total) return 'broken';
    if (!ranges.add(offset, offset + data.length)) return 'broken';
    if (ranges.count > STREAM_LIMITS.gaps + 1) return 'broken';
    bytes.set(data, offset);
    if (ranges.reach(0) < total) return undefined;
    this.#assemblies.delete(message);
    this.#credits[priority].consume(total);
    return bytes;
  }

  clear(): void {
    this.#assemblies.clear();
  }
}
