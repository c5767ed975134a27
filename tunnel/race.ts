import type { Clock } from '#protocol/clock.js';
import { EdgeError, type ErrorCode } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { ConnectOptions, Connection, Transport } from './transport.js';

export const RACE_LIMITS = {
  /** Milliseconds that the first transport has before the second one starts as well. */
  headStartMs: 1_000,
  /** Milliseconds for which a network that let only the second through is not asked again. */
  rememberMs: 60 * 60_000,
  /** Connections of the first that were replaced so soon, so often in a row: it does not hold. */
  briefMs: 30_000,
  briefMax: 3,
} as const;

/** The most telling of several refusals comes first: who I am, who you are, then the link. */
const TELLING: readonly ErrorCode[] = ['EDGE_UNAUTHENTICATED', 'EDGE_CERTIFICATE', 'EDGE_CONFIG'];

export interface RaceOptions {
  /** The better one; it may not get through every network. */
  readonly first: Transport;
  readonly second: Transport;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Dials both transports and takes whichever is there first, remembers when only the second was,
 * and tries the first again later. Each judges the hub by itself with the same checks: a refusal
 * by one is never overruled, it only does not speak for the other.
 */
export function racingTransport(options: RaceOptions): Transport {
  const race = new Race(options);
  return { name: 'auto', connect: (target) => race.connect(target) };
}

class Race {
  readonly #options: RaceOptions;
  /** Until then only the second is dialled. */
  #secondUntil = -Infinity;
  #firstWonAt = -Infinity;
  #brief = 0;

  constructor(options: RaceOptions) {
    this.#options = options;
  }

  async connect(target: ConnectOptions): Promise<Connection> {
    const { second, clock } = this.#options;
    this.#judgeFirst();
    if (clock.now() >= this.#secondUntil) return this.#race(target);
    try {
      return await second.connect(target);
    } catch (thrown) {
      // The network may be another one by now.
      this.#secondUntil = -Infinity;
      throw thrown;
    }
  }

  /** It connects and does not stay: as bad as not connecting. */
  #judgeFirst(): void {
    const { clock, log } = this.#options;
    const now = clock.now();
    if (this.#firstWonAt === -Infinity) return;
    this.#brief = now - this.#firstWonAt < RACE_LIMITS.briefMs ? this.#brief + 1 : 0;
    this.#firstWonAt = -Infinity;
    if (this.#brief < RACE_LIMITS.briefMax) return;
    this.#brief = 0;
    this.#secondUntil = now + RACE_LIMITS.rememberMs;
    log.info('transport-does-not-hold', { transport: this.#options.first.name });
  }

  #race(target: ConnectOptions): Promise<Connection> {
    const { first, second, clock, log } = this.#options;
    return new Promise((resolve, reject) => {
      const runners = new Map<Transport, AbortController>();
      const errors: EdgeError[] = [];
      let isOver = false;
      const finish = (): void => {
        isOver = true;
        timer.cancel();
        for (const runner of runners.values()) runner.abort();
      };
      const start = (transport: Transport): void => {
        if (isOver || runners.has(transport)) return;
        const runner = new AbortController();
        runners.set(transport, runner);
        const signals = target.signal === undefined ? [] : [target.signal];
        const signal = AbortSignal.any([runner.signal, ...signals]);
        transport.connect({ ...target, signal }).then(
          (connection) => won(transport, connection),
          (thrown: unknown) => failed(EdgeError.from(thrown, 'EDGE_CONNECTION')),
        );
      };
      const won = (transport: Transport, connection: Connection): void => {
        if (isOver) {
          connection.close('normal', 'another transport was faster');
          return;
        }
        runners.delete(transport);
        finish();
        this.#remember(transport);
        log.debug('transport-chosen', { transport: transport.name });
        resolve(connection);
      };
      const failed = (error: EdgeError): void => {
        errors.push(error);
        if (isOver) return;
        if (errors.length === 2) {
          finish();
          reject(mostTelling(errors));
        } else if (target.signal?.aborted === true) {
          finish();
          reject(error);
        } else start(second);
      };
      const timer = clock.setTimer('transport head start', RACE_LIMITS.headStartMs, () =>
        start(second),
      );
      start(first);
    });
  }

  #remember(winner: Transport): void {
    const now = this.#options.clock.now();
    if (winner === this.#options.first) this.#firstWonAt = now;
    else this.#secondUntil = now + RACE_LIMITS.rememberMs;
  }
}

function mostTelling(errors: readonly EdgeError[]): EdgeError {
  for (const code of TELLING) {
    const found = errors.find((error) => error.code === code);
    if (found !== undefined) return found;
  }
  return errors.at(-1) ?? new EdgeError('EDGE_CONNECTION', 'No transport got through.');
}
