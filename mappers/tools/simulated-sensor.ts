import type { Random } from '#protocol/random.js';
import type { SensorSettings } from '../serial/settings.js';
import type { Exchange } from '../templates/exchange.js';
import type { SimulatedFaults } from './slave.js';

/** Bytes kept while a request is awaited: longer than any of a known sensor. */
const REQUEST_BUFFER = 256;

/**
 * A serial sensor that says what its kind was documented or heard to say: the answer to its
 * request, or, of one that talks by itself, the next of its frames at each `talk`. With several
 * exchanges it says one after the other.
 */
export class SimulatedSensor {
  readonly #exchanges: readonly Exchange[];
  readonly #damageAt: number;
  readonly #faults: SimulatedFaults;
  readonly #random: Random;
  readonly #said = new Map<string, number>();
  #bytes = '';

  constructor(
    exchanges: readonly Exchange[],
    { checksum }: Pick<SensorSettings, 'checksum'>,
    faults: SimulatedFaults,
    random: Random,
  ) {
    this.#exchanges = exchanges;
    // A byte that its checksum covers; without one the first, as the rest would be believed.
    this.#damageAt = Math.max(0, checksum?.from ?? 0);
    this.#faults = faults;
    this.#random = random;
  }

  /** The answers to the requests that end with these bytes. */
  receive(bytes: Uint8Array): readonly Uint8Array[] {
    const held = this.#bytes + Buffer.from(bytes).toString('latin1');
    const answers = this.#framesFor((request) => request !== '' && held.includes(request));
    this.#bytes = answers.length > 0 ? '' : held.slice(-REQUEST_BUFFER);
    return this.#next('asked', answers);
  }

  /** What it says by itself now; nothing of a sensor that is asked. */
  talk(): readonly Uint8Array[] {
    const spoken = this.#framesFor((request) => request === '');
    return this.#next('talk', spoken);
  }

  /** By exchange: the replies to what `isMeant`, in latin1; '' is no request. */
  #framesFor(isMeant: (request: string) => boolean): readonly (readonly Uint8Array[])[] {
    return this.#exchanges
      .map(({ frames }) =>
        frames.flatMap(({ request, reply }) =>
          isMeant(Buffer.from(request ?? []).toString('latin1')) ? [reply] : [],
        ),
      )
      .filter((replies) => replies.length > 0);
  }

  #next(what: string, sayings: readonly (readonly Uint8Array[])[]): readonly Uint8Array[] {
    if (sayings.length === 0) return [];
    const turn = this.#said.get(what) ?? 0;
    this.#said.set(what, turn + 1);
    const happens = (every: number): boolean => every > 0 && this.#random.unit() * every < 1;
    if (happens(this.#faults.silentEvery)) return [];
    const said = sayings[turn % sayings.length] ?? [];
    return happens(this.#faults.damagedEvery) ? said.map((one) => this.#damaged(one)) : said;
  }

  #damaged(frame: Uint8Array): Uint8Array {
    const at = Math.min(this.#damageAt, frame.length - 1);
    return frame.with(at, (frame[at] ?? 0) ^ 0xff);
  }
}
