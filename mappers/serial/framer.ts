import { checksumHolds } from './checksum.js';
import type { Checksum } from './checksum.js';
import type { Matcher } from './matcher.js';

/**
 * Cuts a stream of bytes into frames. After a frame whose checksum does not hold it goes on one
 * byte after the false start, because the true start may stand inside. Keeps a bounded number of
 * bytes: matchers give up beyond their limit.
 */
export class Framer {
  readonly counters = { frames: 0, falseFrames: 0, noiseBytes: 0 };
  readonly #match: Matcher;
  readonly #checksum: Checksum | undefined;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(match: Matcher, checksum: Checksum | undefined) {
    this.#match = match;
    this.#checksum = checksum;
  }

  /** The frames that these bytes complete, in order. */
  push(bytes: Uint8Array): Uint8Array[] {
    this.#bytes = this.#bytes.length === 0 ? Uint8Array.from(bytes) : joined(this.#bytes, bytes);
    const frames: Uint8Array[] = [];
    while (this.#bytes.length > 0) {
      const match = this.#match(this.#bytes);
      if (match.kind === 'more') break;
      if (match.kind === 'noise') {
        this.counters.noiseBytes += match.bytes;
        this.#bytes = this.#bytes.subarray(match.bytes);
      } else if (this.#isWhole(match.frame)) {
        this.counters.frames += 1;
        frames.push(match.frame);
        this.#bytes = this.#bytes.subarray(match.bytes);
      } else {
        this.counters.falseFrames += 1;
        this.#bytes = this.#bytes.subarray(match.retry);
      }
    }
    return frames;
  }

  /** The line fell silent: with `asFrame` what has come since the last frame is one. */
  silence(asFrame: boolean): Uint8Array[] {
    const bytes = this.#bytes;
    this.#bytes = new Uint8Array(0);
    if (bytes.length === 0) return [];
    if (!asFrame) {
      this.counters.noiseBytes += bytes.length;
      return [];
    }
    const holds = this.#isWhole(bytes);
    this.counters[holds ? 'frames' : 'falseFrames'] += 1;
    return holds ? [bytes] : [];
  }

  #isWhole(frame: Uint8Array): boolean {
    return this.#checksum === undefined || checksumHolds(frame, this.#checksum);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
