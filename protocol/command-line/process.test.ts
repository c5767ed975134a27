import test from 'ava';
import { EdgeError } from '../errors.js';
import { jsonLog, silentLog } from '../log.js';
import { ManualClock } from '../manual-clock.js';
import type { Program } from './command.js';
import { runProcess } from './process.js';
import { serve } from './service.js';
import type { CommandHandler } from './terminal.js';

const program: Program = {
  name: 'thing',
  summary: 'does things',
  commands: [{ words: ['go'], summary: 'Goes.', example: 'thing go' }],
};

/** A process that records what becomes of it. */
class FakeProcess {
  out = '';
  err = '';
  readonly exits: number[] = [];
  readonly argv: string[];
  readonly #listeners = new Map<string, (thrown: Error) => void>();
  readonly stdout = this.#stream((text) => (this.out += text));
  readonly stderr = this.#stream((text) => (this.err += text));

  constructor(...words: string[]) {
    this.argv = ['node', 'thing', ...words];
  }

  on(event: string, listener: (thrown: Error) => void): void {
    this.#listeners.set(event, listener);
  }

  emit(event: string, thrown = new Error('x')): void {
    this.#listeners.get(event)?.(thrown);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  #stream(write: (text: string) => void) {
    return {
      write: (text: string, done?: () => void) => {
        write(text);
        done?.();
        return true;
      },
      on: () => undefined,
    };
  }
}

async function run(process: FakeProcess, handler: CommandHandler = () => Promise.resolve()) {
  const log = jsonLog(
    (line) => process.stderr.write(line),
    () => 0,
  );
  const dispatch = () => Promise.resolve(handler);
  await runProcess(process, program, { version: () => '1.2.3', dispatch, log });
}

test('each way to end has its exit code', async (t) => {
  for (const [words, thrown, code] of [
    [['go'], undefined, 0],
    [['--version'], undefined, 0],
    [[], undefined, 0],
    [['stop'], undefined, 2],
    [['go'], new EdgeError('EDGE_CONFIG', 'x'), 2],
    [['go'], new EdgeError('EDGE_NOT_RUNNING', 'x'), 3],
    [['go'], new EdgeError('EDGE_RANGE', 'x'), 4],
    [['go'], new EdgeError('EDGE_STORAGE', 'x'), 1],
    [['go'], new TypeError('x'), 1],
  ] as const) {
    const process = new FakeProcess(...words);
    await run(process, () => (thrown === undefined ? Promise.resolve() : Promise.reject(thrown)));
    t.deepEqual(process.exits, [code], `${words.join(' ')} ${String(thrown)}`);
  }
});

test('errors go to standard error with code and hint, as text or as JSON', async (t) => {
  const fail = () =>
    Promise.reject(new EdgeError('EDGE_RANGE', 'bad\u001b[2J\nthing', { hint: 'do this' }));
  const plain = new FakeProcess('go');
  await run(plain, fail);
  t.is(plain.err, 'error EDGE_RANGE: bad\ufffd[2J\nthing\nhint: do this\n');
  t.is(plain.out, '');
  const json = new FakeProcess('go', '--json');
  await run(json, fail);
  t.like(JSON.parse(json.err), { code: 'EDGE_RANGE', hint: 'do this' });
});

test('a configuration error lists its issues for programs', async (t) => {
  const process = new FakeProcess('go', '--json');
  const details = { issues: [{ file: 'a.yaml', line: 3 }] };
  await run(process, () => Promise.reject(new EdgeError('EDGE_CONFIG', 'x', { details })));
  t.like(JSON.parse(process.err), details);
});

test('the first signal asks for an end, the second ends at once', async (t) => {
  const process = new FakeProcess('go');
  await run(process, async (_args, { signal }) => {
    process.emit('SIGTERM');
    t.true(signal.aborted);
    t.deepEqual(process.exits, []);
    process.emit('SIGINT');
    t.deepEqual(process.exits, [1]);
    return Promise.resolve();
  });
});

test('a defect that nobody caught is logged with its stack and ends the program', async (t) => {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    const process = new FakeProcess('go');
    await run(process, () => {
      process.emit(event, new TypeError('no such thing'));
      return Promise.resolve();
    });
    t.is(process.exits[0], 1);
    t.like(JSON.parse(process.err), { event: 'uncaught', error: { message: 'no such thing' } });
  }
});

test('a service says that it is ready, and stops when asked', async (t) => {
  const stop = new AbortController();
  let [out, stopped] = ['', false];
  const terminal = { out: (text: string) => (out += text), err: t.fail, signal: stop.signal };
  const service = { ready: { api: 'http://x' }, stop: async () => void (stopped = true) };
  const ports = { clock: new ManualClock(), log: silentLog };
  const served = serve(() => Promise.resolve(service), ports, terminal, true);
  stop.abort();
  await served;
  t.true(stopped);
  t.deepEqual(JSON.parse(out), { event: 'ready', api: 'http://x' });
  t.deepEqual(ports.clock.pending(), []);
});

test('a service that is still starting five seconds after the signal is an error too', async (t) => {
  const clock = new ManualClock();
  const terminal = { out: t.fail, err: t.fail, signal: AbortSignal.abort() };
  const start = () => new Promise<never>(() => undefined);
  const served = serve(start, { clock, log: silentLog }, terminal, false);
  while (clock.pending().length === 0) await Promise.resolve();
  clock.advance(5_000);
  await t.throwsAsync(served, { code: 'EDGE_TIMEOUT' });
});

test('a service that does not stop within five seconds is an error', async (t) => {
  const clock = new ManualClock();
  const terminal = { out: () => undefined, err: t.fail, signal: AbortSignal.abort() };
  const service = { ready: {}, stop: () => new Promise<void>(() => undefined) };
  const ports = { clock, log: silentLog };
  const served = serve(() => Promise.resolve(service), ports, terminal, false);
  while (clock.pending().length === 0) await Promise.resolve();
  clock.advance(4_999);
  t.is(clock.pending().length, 1);
  clock.advance(1);
  await t.throwsAsync(served, { code: 'EDGE_TIMEOUT' });
});
