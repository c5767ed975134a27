/** Why bytes of a peer were refused; each is a counter. */
export type Breach =
  'not-connect' | 'second-connect' | 'bad-packet-type' | 'bad-length' | 'packet-too-large';

export interface ScanLimits {
  readonly connectBytes: number;
  readonly publishBytes: number;
  readonly subscribeBytes: number;
}

const CONNECT = 1;
const PUBLISH = 3;

/**
 * Follows the fixed headers of an MQTT byte stream (MQTT 3.1.1 section 2.2) without keeping its
 * bytes, so that a declared length is judged before anything is kept. Aedes and its parser have
 * no such limit. Pure.
 */
export class PacketScanner {
  /** PUBLISH packets begun so far. */
  publishes = 0;
  breach: Breach | undefined;

  readonly #limits: readonly number[];
  #type = 0;
  #length = 0;
  /** Bytes of the length field read so far; -1 while the first byte is awaited. */
  #lengthBytes = -1;
  #bodyLeft = 0;
  #connected = false;

  constructor(limits: ScanLimits) {
    const { publishBytes, subscribeBytes } = limits;
    // By packet type; -1: a client never sends it. Acknowledgements have exactly a packet id.
    this.#limits = [
      ...[-1, limits.connectBytes, -1, publishBytes, 2, 2, 2, 2],
      ...[subscribeBytes, -1, subscribeBytes, -1, 0, -1, 0, -1],
    ];
  }

  /** True between packets: all that was scanned is whole. */
  get atBoundary(): boolean {
    return this.#lengthBytes === -1 && this.#bodyLeft === 0;
  }

  /**
   * Goes on from `from` to the end of the current packet or of the chunk, whichever comes first.
   * Returns where it stopped; `breach` is set when the peer must go.
   */
  advance(chunk: Uint8Array, from: number): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, chunk.length - at);
        this.#bodyLeft -= taken;
        at += taken;
      } else {
        this.#header(chunk[at] ?? 0);
        at++;
        if (this.breach !== undefined) return at;
      }
      if (this.atBoundary) return at;
    }
    return at;
  }

  /** Scans a whole chunk of a peer that is connected. */
  scan(chunk: Uint8Array): Breach | undefined {
    let at = 0;
    while (at < chunk.length && this.breach === undefined) at = this.advance(chunk, at);
    return this.breach;
  }

  #header(byte: number): void {
    if (this.#lengthBytes === -1) {
      this.#begin(byte >> 4);
      return;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes++;
    if (this.#length > (this.#limits[this.#type] ?? -1)) this.breach = 'packet-too-large';
    else if (byte < 0x80) {
      this.#bodyLeft = this.#length;
      this.#lengthBytes = -1;
    } else if (this.#lengthBytes === 4) this.breach = 'bad-length';
  }

  #begin(type: number): void {
    if (!this.#connected && type !== CONNECT)
      this.breach = 'not-connect'; // [MQTT-3.1.0-1]
    else if (this.#connected && type === CONNECT)
      this.breach = 'second-connect'; // [MQTT-3.1.0-2]
    else if ((this.#limits[type] ?? -1) < 0) this.breach = 'bad-packet-type';
    if (type === PUBLISH) this.publishes++;
    this.#connected = true;
    this.#type = type;
    this.#length = 0;
    this.#lengthBytes = 0;
  }
}
