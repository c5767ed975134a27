import type { Random } from '#protocol/random.js';
import { systemClock } from '#protocol/clock.js';
import type { Timer } from '#protocol/clock.js';
import type { SerialSettings } from '#mappers/serial-port.js';
import { serialLink } from '#mappers/serial-port.js';
import { checksumOf } from '#mappers/serial/checksum.js';

/** A sensor at the other end of a serial line: it talks by itself, or answers requests. */
export class SerialSensor {
  readonly #link: ReturnType<ReturnType<typeof serialLink>>;
  #timer: Timer | undefined;

  /** `requestBytes`: the length of a request, where `answer` is to hear whole ones. */
  constructor(
    settings: SerialSettings,
    answer: (request: Uint8Array) => Uint8Array | undefined,
    requestBytes?: number,
  ) {
    let heard: Uint8Array = new Uint8Array(0);
    this.#link = serialLink(
      settings,
      systemClock,
    )({
      opened: () => undefined,
      received: (bytes) => {
        heard = Buffer.concat([heard, bytes]);
        while (heard.length >= (requestBytes ?? 1)) {
          const said = answer(heard.subarray(0, requestBytes));
          heard = heard.subarray(requestBytes ?? heard.length);
          if (said !== undefined) this.#link.send(said);
        }
      },
      closed: () => this.#timer?.cancel(),
    });
  }

  talk(everyMs: number, say: () => Uint8Array): void {
    this.#timer = systemClock.setTimer('sensor talks', everyMs, () => {
      this.say(say());
      this.talk(everyMs, say);
    });
  }

  say(bytes: Uint8Array): void {
    this.#link.send(bytes);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#link.close();
  }
}

/** Noise that holds beginnings of the frame, or the frame with one byte changed; or nothing. */
export function disturb(random: Random, frame: Uint8Array): Uint8Array {
  const kind = Math.floor(random.unit() * 4);
  const noise = random.bytes(1 + Math.floor(random.unit() * 6));
  if (kind === 0) return Buffer.concat([noise, frame]);
  if (kind === 1) return Buffer.concat([frame.subarray(0, 5), frame]);
  if (kind === 2) {
    const damaged = Uint8Array.from(frame);
    const at = 4 + Math.floor(random.unit() * (frame.length - 6));
    damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random.unit() * 8));
    return damaged;
  }
  return frame;
}

/** A frame of Plantower's PMS5003 (data sheet, appendix I) with this PM2.5. */
export function pms5003(pm25: number): Uint8Array {
  const frame = new Uint8Array(32);
  frame.set([0x42, 0x4d, 0, 28]);
  frame.set([pm25 >> 8, pm25 & 0xff], 12);
  const sum = checksumOf('sum16be', frame.subarray(0, 30));
  frame.set([sum >> 8, sum & 0xff], 30);
  return frame;
}

/** The answer of Winsen's MH-Z19B to its command 0x86. */
export function mhz19(ppm: number): Uint8Array {
  const frame = Uint8Array.from([0xff, 0x86, ppm >> 8, ppm & 0xff, 0x40, 0, 0, 0, 0]);
  frame[8] = checksumOf('sum8-twos', frame.subarray(1, 8));
  return frame;
}

/** A sentence of a GPS receiver at a latitude of `minutes` over 53 degrees north. */
export function gga(minutes: number): Uint8Array {
  const body = `GPGGA,092750.000,53${minutes.toFixed(4).padStart(7, '0')},N,00630.3372,W,1,8,1.03,61.7,M,55.2,M,,`;
  const sum = checksumOf('xor8', Buffer.from(body)).toString(16).toUpperCase().padStart(2, '0');
  return Buffer.from(`$${body}*${sum}\r\n`);
}
