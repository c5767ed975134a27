import { CODED_LIMITS } from '../limits.js';
import { TICKS_PER_MS, type ArrivalsFrame } from '../wire/frame.js';
import { expandNumber, PACKET_NUMBER_BITS, truncateNumber } from '../wire/truncated-number.js';

const TIME_BITS = 32;
const NUMBER_BACK_MAX = 0xff;
const TIME_BACK_MAX = 0xffff;

/** When a packet arrived, in milliseconds of the receiver's clock. */
export interface ArrivalTime {
  readonly number: number;
  readonly at: number;
}

/** The receiver's side: when the last packets arrived, the newest number first. */
export class ArrivalTimes {
  #newest: { readonly number: number; readonly ticks: number }[] = [];

  note(number: number, now: number): void {
    const ticks = Math.round(now * TICKS_PER_MS);
    const [newest] = this.#newest;
    if (newest === undefined || newest.number < number) this.#newest.unshift({ number, ticks });
    else {
      const at = this.#newest.findIndex((other) => other.number < number);
      this.#newest.splice(at === -1 ? this.#newest.length : at, 0, { number, ticks });
    }
    if (this.#newest.length > CODED_LIMITS.arrivals) this.#newest.pop();
  }

  /** As many as one frame can say: a packet long after the one before it ends the list. */
  frame(): ArrivalsFrame | undefined {
    const [largest, ...others] = this.#newest;
    if (largest === undefined) return undefined;
    const earlier: { numberBack: number; timeBack: number }[] = [];
    let last = largest;
    for (const one of others) {
      const numberBack = last.number - one.number;
      const timeBack = last.ticks - one.ticks;
      if (timeBack < 0) continue; // overtaken: its delay says nothing of the queue
      if (numberBack > NUMBER_BACK_MAX || timeBack > TIME_BACK_MAX) break;
      earlier.push({ numberBack, timeBack });
      last = one;
    }
    return {
      kind: 'arrivals',
      largest: truncateNumber(largest.number, PACKET_NUMBER_BITS),
      time: truncateNumber(largest.ticks, TIME_BITS),
      earlier,
    };
  }
}

/** The sender's side: times that travel in 32 bits, brought into one line. */
export class ArrivalReader {
  #ticks: number | undefined;

  /** `nextNumber`: of the packet that is sent next. What was never sent is left out. */
  read(frame: ArrivalsFrame, nextNumber: number): ArrivalTime[] {
    const expected = this.#ticks ?? frame.time;
    let ticks = expandNumber(frame.time, TIME_BITS, expected);
    this.#ticks = ticks;
    let number = expandNumber(frame.largest, PACKET_NUMBER_BITS, nextNumber);
    const times: ArrivalTime[] = [];
    const tell = (): void => {
      if (number >= 0 && number < nextNumber) times.push({ number, at: ticks / TICKS_PER_MS });
    };
    tell();
    for (const { numberBack, timeBack } of frame.earlier) {
      number -= numberBack;
      ticks -= timeBack;
      tell();
    }
    return times;
  }
}
