import { crc16, frameRtu } from '#mappers/modbus/adu.js';
import { isBits, type RegisterKind } from '#mappers/modbus/frame.js';
import type { DeviceRegisters } from './meter-registers.js';

const KINDS: Readonly<Record<number, RegisterKind>> = {
  1: 'coil',
  2: 'discrete',
  3: 'holding',
  4: 'input',
};
const ILLEGAL = { function: 1, address: 2, value: 3 } as const;
const BUFFER_MAX = 512;

/**
 * The other end of a serial line: answers requests to one unit, functions 1 to 6, 15 and 16, and
 * ignores what is damaged or for others. modbus-serial's own serial server does not look at the
 * checksum, so it would answer damaged requests.
 */
export class RtuSlave {
  readonly #unit: number;
  readonly #registers: DeviceRegisters;
  #bytes = new Uint8Array(0);

  constructor(unit: number, registers: DeviceRegisters) {
    this.#unit = unit;
    this.#registers = registers;
  }

  /** The replies to the requests that these bytes complete. */
  receive(bytes: Uint8Array): Uint8Array[] {
    return this.requests(bytes).map((request) => this.frame(this.answer(request.slice(1, -2))));
  }

  /** The whole requests to this unit that these bytes complete, from unit to checksum. */
  requests(bytes: Uint8Array): Uint8Array[] {
    this.#bytes = Uint8Array.from([...this.#bytes, ...bytes].slice(-BUFFER_MAX));
    const requests: Uint8Array[] = [];
    for (let start = 0; start + 8 <= this.#bytes.length; start += 1) {
      const length = this.#requestLength(start);
      if (start + length > this.#bytes.length) continue;
      const frame = this.#bytes.slice(start, start + length);
      const crc = (frame[length - 2] ?? 0) | ((frame[length - 1] ?? 0) << 8);
      if (crc16(frame, 0, length - 2) !== crc) continue;
      this.#bytes = this.#bytes.slice(start + length);
      start = -1;
      if (frame[0] === this.#unit) requests.push(frame);
    }
    return requests;
  }

  frame(pdu: Uint8Array): Uint8Array {
    return frameRtu(this.#unit, pdu);
  }

  /** The reply's function code and data to the request's. */
  answer(pdu: Uint8Array): Uint8Array {
    const [code = 0] = pdu;
    const offset = word(pdu, 1);
    const kind = KINDS[code];
    if (kind !== undefined) return this.#read(code, kind, offset, word(pdu, 3));
    if (code === 5) return this.#write(pdu, 'coil', offset, [word(pdu, 3) === 0 ? 0 : 1]);
    if (code === 6) return this.#write(pdu, 'holding', offset, [word(pdu, 3)]);
    const count = word(pdu, 3);
    const data = pdu.subarray(6);
    if (code === 15)
      return this.#write(
        pdu,
        'coil',
        offset,
        list(count, (at) => ((data[at >> 3] ?? 0) >> (at & 7)) & 1),
      );
    if (code === 16)
      return this.#write(
        pdu,
        'holding',
        offset,
        list(count, (at) => word(data, at * 2)),
      );
    return Uint8Array.of(code | 0x80, ILLEGAL.function);
  }

  #read(code: number, kind: RegisterKind, offset: number, count: number): Uint8Array {
    const words = list(Math.min(count, 2000), (at) => this.#registers.read(kind, offset + at));
    if (words.length === 0 || words.includes(undefined))
      return Uint8Array.of(code | 0x80, ILLEGAL.address);
    const data = isBits(kind)
      ? list((words.length + 7) >> 3, (at) =>
          list(8, (bit) => (words[at * 8 + bit] ?? 0) << bit).reduce((sum, bit) => sum | bit, 0),
        )
      : words.flatMap((value = 0) => [value >> 8, value & 0xff]);
    return Uint8Array.from([code, data.length, ...data]);
  }

  #write(
    pdu: Uint8Array,
    kind: 'coil' | 'holding',
    offset: number,
    words: readonly number[],
  ): Uint8Array {
    for (const [at, value] of words.entries()) {
      const result = this.#registers.write(kind, offset + at, value);
      if (result !== 'ok') return Uint8Array.of((pdu[0] ?? 0) | 0x80, ILLEGAL[result]);
    }
    return pdu.slice(0, 5);
  }

  #requestLength(start: number): number {
    const code = this.#bytes[start + 1] ?? 0;
    return code === 15 || code === 16 ? 9 + (this.#bytes[start + 6] ?? 0) : 8;
  }
}

function list<T>(length: number, at: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => at(index));
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
