const SMALLEST_BYTES = 512;
const LARGEST_BYTES = 64 * 1024;
/** Payloads from this size go out as they are; copying them would cost more than a second write. */
const BORROWED_BYTES = 8 * 1024;
/** Up to this length a loop over the bytes is faster than a call into native code. */
const LOOPED_BYTES = 24;

/**
 * Collects the many small pieces that one turn writes to a connection (mqtt-packet writes each
 * field of a packet by itself) into few buffers. One system call for a turn instead of one for a
 * packet makes Aedes two to three times faster.
 */
export class WriteBuffer {
  /** Bytes collected. */
  length = 0;
  #full: Buffer[] = [];
  #slab: Buffer | undefined;
  #used = 0;
  /** Remembers what the last turns needed, so that an idle connection takes no 64 KB. */
  #nextBytes = SMALLEST_BYTES;

  append(piece: string | Uint8Array): void {
    if (typeof piece === 'string') this.#appendText(piece);
    else this.#appendBytes(piece);
  }

  /** What was collected, in order; the buffer is empty afterwards. */
  take(): readonly Buffer[] {
    this.#seal();
    this.#nextBytes = Math.min(Math.max(this.length, SMALLEST_BYTES), LARGEST_BYTES);
    const taken = this.#full;
    this.#full = [];
    this.length = 0;
    return taken;
  }

  #appendText(text: string): void {
    const slab = this.#room(text.length * 3);
    let at = this.#used;
    if (text.length <= LOOPED_BYTES) {
      let index = 0;
      for (; index < text.length; index++) {
        const code = text.charCodeAt(index);
        if (code > 0x7f) break;
        slab[at + index] = code;
      }
      if (index === text.length) {
        this.#used += index;
        this.length += index;
        return;
      }
      at = this.#used;
    }
    const written = slab.write(text, at);
    this.#used += written;
    this.length += written;
  }

  #appendBytes(bytes: Uint8Array): void {
    const size = bytes.length;
    this.length += size;
    if (size >= BORROWED_BYTES) {
      this.#seal();
      this.#full.push(Buffer.from(bytes.buffer, bytes.byteOffset, size));
      return;
    }
    const slab = this.#room(size);
    if (size <= LOOPED_BYTES)
      for (let index = 0; index < size; index++) slab[this.#used + index] = bytes[index] ?? 0;
    else slab.set(bytes, this.#used);
    this.#used += size;
  }

  #room(bytes: number): Buffer {
    if (this.#slab !== undefined && this.#slab.length - this.#used >= bytes) return this.#slab;
    if (this.#slab !== undefined) {
      this.#seal();
      this.#nextBytes = Math.min(this.#nextBytes * 2, LARGEST_BYTES);
    }
    this.#slab = Buffer.allocUnsafe(Math.max(this.#nextBytes, bytes));
    return this.#slab;
  }

  #seal(): void {
    if (this.#slab !== undefined && this.#used > 0)
      this.#full.push(this.#slab.subarray(0, this.#used));
    this.#slab = undefined;
    this.#used = 0;
  }
}
