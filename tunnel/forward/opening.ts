import { isTarget, type Carriage, type Target } from './target.js';
import { FORWARD_LIMITS } from './limits.js';

/**
 * The first bytes of a forwarding's stream: version 1, 0 for TCP or 1 for UDP, the port (two bytes,
 * network order), the length of the host's name, the name. The other end answers one byte.
 */
const VERSION = 1;
const HEAD_BYTES = 5;
const CARRIAGES: readonly Carriage[] = ['tcp', 'udp'];

/** The answer: bytes flow, or why not. */
export const ANSWERS = ['open', 'forbidden', 'unreachable', 'full', 'malformed'] as const;
export type Answer = (typeof ANSWERS)[number];

export function writeOpening({ carriage, host, port }: Target): Uint8Array {
  const name = Buffer.from(host, 'latin1');
  const head = [VERSION, CARRIAGES.indexOf(carriage), port >> 8, port & 0xff, name.length];
  return Buffer.concat([Buffer.from(head), name]);
}

/** Collects an opening that may come in pieces. */
export class OpeningReader {
  #bytes = Buffer.alloc(0);

  /** Undefined: more is needed. `rest`: what follows it. */
  take(data: Uint8Array): { target: Target; rest: Uint8Array } | 'malformed' | undefined {
    this.#bytes = Buffer.concat([this.#bytes, data]);
    const [version, carriageCode = 0, high = 0, low = 0, length = 0] = this.#bytes;
    if (version !== undefined && version !== VERSION) return 'malformed';
    if (this.#bytes.length < HEAD_BYTES) return undefined;
    const carriage = CARRIAGES[carriageCode];
    if (carriage === undefined || length > FORWARD_LIMITS.hostBytes) return 'malformed';
    const end = HEAD_BYTES + length;
    if (this.#bytes.length < end) return undefined;
    const host = this.#bytes.toString('latin1', HEAD_BYTES, end);
    const target = { carriage, host, port: high * 256 + low };
    return isTarget(target) ? { target, rest: this.#bytes.subarray(end) } : 'malformed';
  }
}

export function writeAnswer(answer: Answer): Uint8Array {
  return Uint8Array.of(ANSWERS.indexOf(answer));
}

export function readAnswer(code: number | undefined): Answer {
  return ANSWERS[code ?? -1] ?? 'malformed';
}
