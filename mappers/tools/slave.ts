import type { Random } from '#protocol/random.js';
import { crc16, frameMbap, frameRtu, takeMbap } from '../modbus/adu.js';
import { isBits, pair, word, type RegisterKind } from '../modbus/frame.js';
import { packBits, unpackBits } from '../modbus/words.js';

/** What a simulated slave holds: words by kind and address; what is not there is refused. */
export type Holdings = Map<string, number>;

/** Vendor, product and revision by unit, at most 60 bytes each; without one function 43 is refused. */
export type Identities = ReadonlyMap<number, readonly string[]>;

/** Faults of a simulated slave, each once in so many requests; 0 is never. */
export interface SimulatedFaults {
  readonly silentEvery: number;
  readonly damagedEvery: number;
  /** Milliseconds until an answer begins. */
  readonly lateMs: number;
}

export const NO_FAULTS: SimulatedFaults = { silentEvery: 0, damagedEvery: 0, lateMs: 0 };

const KINDS: Readonly<Record<number, RegisterKind>> = {
  1: 'coil',
  2: 'discrete',
  3: 'holding',
  4: 'input',
};
const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const IDENTIFY = 43;
const DEVICE_IDENTIFICATION = 14;
const IDENTITY_BYTES = 60;
const RTU_BUFFER = 512;
/** Bytes of transaction, protocol and length. */
const MBAP_LENGTH_END = 6;

export function at(kind: RegisterKind, offset: number): string {
  return `${kind} ${offset}`;
}

/**
 * Function code and data of the answer to those of a request: functions 1 to 6, 15, 16 and 22, and
 * 43/14 of who has an identity.
 */
export function answerOf(
  pdu: Uint8Array,
  holdings: Holdings,
  identity: readonly string[] = [],
): Uint8Array {
  const [code = 0] = pdu;
  if (code === IDENTIFY && pdu[1] === DEVICE_IDENTIFICATION && identity.length > 0)
    return identityOf(pdu, identity);
  const refuse = (why: number): Uint8Array => Uint8Array.of(code | 0x80, why);
  const offset = word(pdu, 1);
  const kind = KINDS[code];
  if (kind !== undefined) {
    const count = Math.min(word(pdu, 3), isBits(kind) ? 2000 : 125);
    const words = Array.from({ length: count }, (_, index) =>
      holdings.get(at(kind, offset + index)),
    );
    if (count === 0 || words.includes(undefined)) return refuse(ILLEGAL_ADDRESS);
    const held = words as number[];
    const bytes = isBits(kind) ? [...packBits(held)] : held.flatMap(pair);
    return Uint8Array.from([code, bytes.length, ...bytes]);
  }
  if (code === 22) {
    const before = holdings.get(at('holding', offset));
    if (before === undefined) return refuse(ILLEGAL_ADDRESS);
    const and = word(pdu, 3);
    holdings.set(at('holding', offset), (before & and) | (word(pdu, 5) & ~and & 0xffff));
    return pdu.slice(0, 7);
  }
  const written = writtenBy(pdu);
  if (written === undefined) return refuse(ILLEGAL_FUNCTION);
  const keys = written.words.map((_, index) => at(written.kind, offset + index));
  if (keys.some((key) => !holdings.has(key))) return refuse(ILLEGAL_ADDRESS);
  written.words.forEach((value, index) => holdings.set(keys[index] ?? '', value));
  return pdu.slice(0, 5);
}

/** All in one answer, whatever level is asked for: V1.1b3 section 6.21. */
function identityOf(pdu: Uint8Array, identity: readonly string[]): Uint8Array {
  const objects = identity.flatMap((text, id) => {
    const bytes = Buffer.from(text).subarray(0, IDENTITY_BYTES);
    return [id, bytes.length, ...bytes];
  });
  const head = [IDENTIFY, DEVICE_IDENTIFICATION, pdu[2] ?? 1, 1, 0, 0, identity.length];
  return Uint8Array.from([...head, ...objects]);
}

function writtenBy(
  pdu: Uint8Array,
): { readonly kind: 'coil' | 'holding'; readonly words: readonly number[] } | undefined {
  const count = word(pdu, 3);
  const data = pdu.subarray(6);
  if (pdu[0] === 5) return { kind: 'coil', words: [count === 0 ? 0 : 1] };
  if (pdu[0] === 6) return { kind: 'holding', words: [count] };
  if (pdu[0] === 15) return { kind: 'coil', words: unpackBits(data, Math.min(count, 1968)) };
  if (pdu[0] !== 16) return undefined;
  const words = Array.from({ length: Math.min(count, 123) }, (_, index) => word(data, index * 2));
  return { kind: 'holding', words };
}

/** Several slaves behind one line or socket; frames in, frames out, with faults. */
export class SimulatedSlaves {
  readonly #units: ReadonlyMap<number, Holdings>;
  readonly #identities: Identities;
  readonly #faults: SimulatedFaults;
  readonly #random: Random;
  readonly #isRtu: boolean;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(
    units: ReadonlyMap<number, Holdings>,
    identities: Identities,
    wire: 'rtu' | 'tcp',
    faults: SimulatedFaults,
    random: Random,
  ) {
    this.#units = units;
    this.#identities = identities;
    this.#isRtu = wire === 'rtu';
    this.#faults = faults;
    this.#random = random;
  }

  /** The answers to the requests that these bytes complete. */
  receive(bytes: Uint8Array): Uint8Array[] {
    this.#bytes = Uint8Array.from([...this.#bytes, ...bytes].slice(-RTU_BUFFER));
    return (this.#isRtu ? this.#rtu() : this.#mbap()).flatMap((answer) => this.#spoil(answer));
  }

  #rtu(): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (let start = 0; start + 4 <= this.#bytes.length; start += 1) {
      const code = this.#bytes[start + 1] ?? 0;
      const long = code === 15 || code === 16;
      const length = long
        ? 9 + (this.#bytes[start + 6] ?? 0)
        : code === 22
          ? 10
          : code === 43
            ? 7
            : 8;
      if (start + length > this.#bytes.length) continue;
      const frame = this.#bytes.slice(start, start + length);
      if (
        crc16(frame, 0, length - 2) !==
        ((frame[length - 2] ?? 0) | ((frame[length - 1] ?? 0) << 8))
      )
        continue;
      this.#bytes = this.#bytes.slice(start + length);
      start = -1;
      const [unit = 0] = frame;
      const answer = this.#answer(unit, frame.slice(1, -2));
      if (answer !== undefined) answers.push(frameRtu(unit, answer));
    }
    return answers;
  }

  #mbap(): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (;;) {
      const taken = takeMbap(this.#bytes);
      if (taken.kind !== 'frame') {
        if (taken.kind === 'lost') this.#bytes = new Uint8Array(0);
        return answers;
      }
      this.#bytes = taken.rest;
      const { transaction, unit, pdu } = taken.frame;
      const answer = this.#answer(unit, pdu);
      if (answer !== undefined) answers.push(frameMbap(transaction, unit, answer));
    }
  }

  #answer(unit: number, pdu: Uint8Array): Uint8Array | undefined {
    const holdings = this.#units.get(unit);
    return holdings && answerOf(pdu, holdings, this.#identities.get(unit));
  }

  #spoil(answer: Uint8Array): Uint8Array[] {
    const happens = (every: number): boolean => every > 0 && this.#random.unit() * every < 1;
    if (happens(this.#faults.silentEvery)) return [];
    return [happens(this.#faults.damagedEvery) ? this.#damaged(answer) : answer];
  }

  /** One byte is another: any of a frame with a checksum, on TCP one of the header. */
  #damaged(answer: Uint8Array): Uint8Array {
    // Modbus TCP has no checksum of its own: TCP's keeps the data, so no link harms them.
    const bytes = this.#isRtu ? answer.length : MBAP_LENGTH_END;
    const at = Math.floor(this.#random.unit() * bytes);
    return answer.with(at, (answer[at] ?? 0) ^ 0xff);
  }
}
