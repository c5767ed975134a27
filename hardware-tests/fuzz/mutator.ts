import type { Random } from '#protocol/random.js';

/** Numbers that lengths, counts and offsets of a wire go wrong at. */
const EDGES = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/** Text that parsers of JSON, YAML, topics, names and numbers go wrong at. */
const WORDS = [
  ...['null', '[]', '{}', 'true', '-0', '1e400', '9007199254740993', 'NaN', '0x10', '""', '"'],
  ...[
    '"__proto__"',
    '"constructor"',
    '__proto__:',
    '{"__proto__":{"x":1}}',
    '<<: *a',
    '&a',
    '!!js',
  ],
  ...['\0', '\r\n', '\ud800', '\uFFFD', '\u202e', '../../', '$hw/', '#', '+', '$share/g/', '%00'],
  ...[
    '[[[[[[[[',
    '{"a":{"a":{"a":',
    '\n---\n',
    '*a *a *a',
    ';$(touch x)',
    '<script>',
    '1'.repeat(400),
  ],
].map((word) => Buffer.from(word));

/** Bytes that an input may grow to: above the limits of most doors, so that these are met too. */
const BYTES_MAX = 300 * 1024;

/**
 * Makes inputs out of sound ones: flips, cuts, splices, numbers at their edges, words that parsers
 * stumble over, nesting and length. What it makes depends on the seed alone.
 */
export class Mutator {
  readonly #random: Random;
  readonly #corpus: readonly Buffer[];

  constructor(random: Random, corpus: readonly Buffer[]) {
    this.#random = random;
    this.#corpus = corpus;
  }

  next(): Buffer {
    let bytes: Buffer = Buffer.from(this.#pick(this.#corpus));
    for (let changes = 1 + this.#below(4); changes > 0; changes--) bytes = this.#change(bytes);
    return bytes.length > BYTES_MAX ? bytes.subarray(0, BYTES_MAX) : bytes;
  }

  #change(bytes: Buffer): Buffer {
    const at = this.#below(bytes.length + 1);
    switch (this.#below(9)) {
      case 0:
        if (at < bytes.length) bytes[at] = this.#below(256);
        return bytes;
      case 1:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#below(8));
        return bytes;
      case 2:
        return bytes.subarray(0, at);
      case 3:
        return inserted(bytes, at, this.#pick(WORDS), this.#below(2) * this.#below(8));
      case 4:
        return this.#edge(bytes, at);
      case 5: {
        const other = this.#pick(this.#corpus);
        return Buffer.concat([
          bytes.subarray(0, at),
          other.subarray(this.#below(other.length + 1)),
        ]);
      }
      case 6: {
        const end = Math.min(bytes.length, at + this.#below(64));
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
      }
      case 7: {
        const end = Math.min(bytes.length, at + 1 + this.#below(32));
        return inserted(bytes, end, bytes.subarray(at, end), 0);
      }
      default:
        // Seldom, since it is slow: very long, or very deep.
        if (this.#below(200) > 0) return inserted(bytes, at, Buffer.of(this.#below(256)), 0);
        return inserted(bytes, at, Buffer.alloc(1 << this.#below(18), this.#pick(WORDS)), 0);
    }
  }

  #edge(bytes: Buffer, at: number): Buffer {
    const value = EDGES[this.#below(EDGES.length)] ?? 0;
    const width = [1, 2, 4][this.#below(3)] ?? 1;
    if (at + width > bytes.length) return bytes;
    const fitting = value % 2 ** (8 * width);
    if (this.#below(2) === 0) bytes.writeUIntBE(fitting, at, width);
    else bytes.writeUIntLE(fitting, at, width);
    return bytes;
  }

  #pick(from: readonly Buffer[]): Buffer {
    return from[this.#below(from.length)] ?? Buffer.alloc(0);
  }

  #below(limit: number): number {
    return Math.floor(this.#random.unit() * limit);
  }
}

function inserted(bytes: Buffer, at: number, piece: Buffer, replaced: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at + replaced)]);
}
