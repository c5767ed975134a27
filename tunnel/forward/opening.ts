import { isTarget, type Carriage, type Target } from './target.js';
import { FORWARD_LIMITS } from './limits.js';

/**
 * The first bytes of a forwarding's stream: version 1, 0 for TCP or 1 for UDP (with 128 added: only
 * a question whether it is allowed), the port (two bytes, network order), the length of the host's
 * name, the name. The other end answers one byte.
 */
const VERSION = 1;
const QUESTION = 128;
const HEAD_BYTES = 5;
const CARRIAGES: readonly Carriage[] = ['tcp', 'udp'];

/** The answer: bytes flow, or why not. */
export const ANSWERS = ['open', 'forbidden', 'unreachable', 'full', 'malformed'] as const;
export type Answer = (typeof ANSWERS)[number];

export interface Opening {
  readonly target: Target;
  /** Nothing shall be reached: the answer is all that is wanted. */
  readonly isQuestion: boolean;
  /** What follows it. */
  readonly rest: Uint8Array;
}

export function writeOpening({ carriage, host, port }: Target, isQuestion = false): Uint8Array {
  const name = Buffer.from(host, 'latin1');
  const code = CARRIAGES.indexOf(carriage) + (isQuestion ? QUESTION : 0);
  const head = [VERSION, code, port >> 8, port & 0xff, name.length];
  return Buffer.concat([Buffer.from(head), name]);
}

/** Collects an opening that may come in pieces. */
export class OpeningReader {
  #bytes = Buffer.alloc(0);

  /** Undefined: more is needed. */
  take(data: Uint8Array): Opening | 'malformed' | undefined {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    const [version, code = 0, high = 0, low = 0, length = 0] = this.#bytes;
    if (version !== undefined && version !== VERSION) return 'malformed';
    if (this.#bytes.length < HEAD_BYTES) return undefined;
    const carriage = CARRIAGES[code & ~QUESTION];
    if (carriage === undefined || length > FORWARD_LIMITS.hostBytes) return 'malformed';
    const end = HEAD_BYTES + length;
    if (this.#bytes.length < end) return undefined;
    const host = this.#bytes.toString('latin1', HEAD_BYTES, end);
    const target = { carriage, host, port: high * 256 + low };
    if (!isTarget(target)) return 'malformed';
    return { target, isQuestion: code >= QUESTION, rest: this.#bytes.subarray(end) };
  }
}

export function writeAnswer(answer: Answer): Uint8Array {
  return Uint8Array.of(ANSWERS.indexOf(answer));
}

export function readAnswer(code: number | undefined): Answer {
  return ANSWERS[code ?? -1] ?? 'malformed';
}
