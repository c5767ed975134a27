import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { MemoryNetwork } from './memory.js';
import { RACE_LIMITS, racingTransport } from './race.js';
import type { ConnectOptions, Connection, Transport } from './transport.js';

type Outcome = 'connects' | 'silence' | EdgeError;

/** A transport over a network in memory that does what a test says, and counts. */
class Scripted implements Transport {
  readonly name: string;
  readonly dials: ConnectOptions[] = [];
  readonly closed: string[] = [];
  outcome: Outcome = 'connects';
  afterMs = 50;
  hearsAbort = true;
  readonly #clock: ManualClock;
  readonly #inner: Transport;

  constructor(name: string, clock: ManualClock) {
    this.name = name;
    this.#clock = clock;
    const network = new MemoryNetwork({ clock, random: seededRandom(1) });
    const identity = { key: '', certificate: 'hub', authorities: [] };
    network
      .listen({ identity })
      .onConnection((connection) => connection.onClose(({ detail }) => this.closed.push(detail)));
    this.#inner = network.transport();
  }

  async connect(options: ConnectOptions): Promise<Connection> {
    this.dials.push(options);
    const { outcome } = this;
    await new Promise<void>((resolve, reject) => {
      options.signal?.addEventListener('abort', () => {
        if (this.hearsAbort) reject(new EdgeError('EDGE_CONNECTION', 'aborted'));
      });
      if (outcome !== 'silence') this.#clock.setTimer('dial', this.afterMs, resolve);
    });
    if (outcome instanceof EdgeError) throw outcome;
    return this.#inner.connect({ url: options.url, identity: options.identity });
  }
}

const TARGET = {
  url: 'wss://hub:443',
  identity: { key: '', certificate: 'gw', authorities: [] },
};

function bench(): {
  clock: ManualClock;
  first: Scripted;
  second: Scripted;
  dial: (signal?: AbortSignal) => Promise<Connection | EdgeError>;
} {
  const clock = new ManualClock();
  const [first, second] = [new Scripted('coded', clock), new Scripted('websocket', clock)];
  const transport = racingTransport({ first, second, clock, log: silentLog });
  const dial = async (signal?: AbortSignal): Promise<Connection | EdgeError> => {
    let result: Connection | EdgeError | undefined;
    transport.connect({ ...TARGET, ...(signal === undefined ? {} : { signal }) }).then(
      (connection) => (result = connection),
      (error: unknown) => (result = EdgeError.from(error)),
    );
    for (let step = 0; result === undefined; step++) {
      if (step > 100_000) throw new EdgeError('EDGE_TIMEOUT', 'The race never ended.');
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      clock.advance(1);
    }
    return result;
  };
  return { clock, first, second, dial };
}

const codeOf = (outcome: Connection | EdgeError): string =>
  outcome instanceof EdgeError ? outcome.code : 'connected';

test('the second is not even dialled when the first is quick', async (t) => {
  const { first, second, dial } = bench();
  t.is(codeOf(await dial()), 'connected');
  t.deepEqual([first.dials.length, second.dials.length], [1, 0]);
});

test('where the first hears nothing the second starts after a second, and is remembered', async (t) => {
  const { clock, first, second, dial } = bench();
  first.outcome = 'silence';
  t.is(codeOf(await dial()), 'connected');
  t.true(clock.now() >= RACE_LIMITS.headStartMs && clock.now() < RACE_LIMITS.headStartMs + 500);
  t.true(first.dials[0]?.signal?.aborted);
  t.is(codeOf(await dial()), 'connected');
  t.deepEqual([first.dials.length, second.dials.length], [1, 2]);
  clock.advance(RACE_LIMITS.rememberMs);
  first.outcome = 'connects';
  t.is(codeOf(await dial()), 'connected');
  t.deepEqual([first.dials.length, second.dials.length], [2, 2], 'the first is tried again');
});

test('a first that fails at once does not cost a second of waiting', async (t) => {
  const { clock, first, dial } = bench();
  first.outcome = new EdgeError('EDGE_CONNECTION', 'nobody listens');
  t.is(codeOf(await dial()), 'connected');
  t.true(clock.now() < 500);
});

test('when the remembered second fails, both are raced again', async (t) => {
  const { first, second, dial } = bench();
  first.outcome = 'silence';
  await dial();
  second.outcome = new EdgeError('EDGE_TIMEOUT', 'another network');
  t.is(codeOf(await dial()), 'EDGE_TIMEOUT');
  first.outcome = 'connects';
  t.is(codeOf(await dial()), 'connected');
  t.is(first.dials.length, 2);
});

test('the loser that comes late is closed', async (t) => {
  const { clock, first, second, dial } = bench();
  first.afterMs = RACE_LIMITS.headStartMs + 60;
  first.hearsAbort = false;
  second.afterMs = 55;
  t.is(codeOf(await dial()), 'connected');
  for (let step = 0; step < 2_000 && first.closed.length === 0; step++) {
    clock.advance(1);
    await Promise.resolve();
  }
  t.deepEqual([first.closed, second.closed], [['another transport was faster'], []]);
});

test('of two refusals the one about identity is told, whichever came first', async (t) => {
  for (const swap of [false, true]) {
    const { first, second, dial } = bench();
    const [one, other] = swap ? [second, first] : [first, second];
    one.outcome = new EdgeError('EDGE_UNAUTHENTICATED', 'revoked');
    other.outcome = new EdgeError('EDGE_CONNECTION', 'no way');
    t.is(codeOf(await dial()), 'EDGE_UNAUTHENTICATED');
  }
});

test('a first that connects and does not stay is left alone for a while', async (t) => {
  const { clock, first, second, dial } = bench();
  for (let brief = 0; brief < RACE_LIMITS.briefMax; brief++) {
    t.is(codeOf(await dial()), 'connected');
    clock.advance(5_000);
  }
  t.is(second.dials.length, 0);
  await dial();
  t.deepEqual([first.dials.length, second.dials.length], [RACE_LIMITS.briefMax, 1]);
});

test('an abort ends the race', async (t) => {
  const { first, second, dial } = bench();
  first.outcome = 'silence';
  const controller = new AbortController();
  const racing = dial(controller.signal);
  controller.abort();
  t.is(codeOf(await racing), 'EDGE_CONNECTION');
  t.is(second.dials.length, 0);
});
