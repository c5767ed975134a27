import test, { type ExecutionContext } from 'ava';
import { Arguments } from '#protocol/command-line/parse.js';
import { EdgeError } from '#protocol/errors.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import type { OpenLink } from '../link.js';
import type { BusSettings } from '../modbus/bus-settings.js';
import { linesOf } from './line-arguments.js';
import { lineName } from './scan.js';
import { scanVerb } from './scan-verb.js';
import { at, NO_FAULTS, SimulatedSlaves } from './slave.js';

const FLAGS = {
  port: ['/dev/ttyX'],
  baud: ['9600,19200'],
  format: ['8N1,8E1'],
  units: ['1-3'],
} as const;

function argumentsOf(flags: Readonly<Record<string, readonly string[]>>): Arguments {
  return new Arguments(new Map(), new Map(Object.entries(flags)));
}

/** Turns of the event loop in which all promises that are due have run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** Unit 2 is on the line and understands one combination; 0 interrupts nothing. */
async function scanned(t: ExecutionContext, speaks: string, interruptAt = 0) {
  const clock = new ManualClock();
  const random = seededRandom(1);
  const asked: string[] = [];
  const open = new Set<string>();
  const control = new AbortController();
  const openLink =
    (settings: BusSettings): OpenLink =>
    (events) => {
      const line = lineName(settings);
      const holdings = new Map([[2, new Map([[at('holding', 0), 7]])]]);
      const slave = new SimulatedSlaves(
        ...([holdings, new Map([[2, ['Acme', 'X1']]]), 'rtu', NO_FAULTS, random] as const),
      );
      open.add(line);
      clock.setTimer('open', 0, () => events.opened());
      return {
        send: (bytes) => {
          // Not what SunSpec asks.
          if (bytes[1] === 3 && bytes[5] === 1) asked.push(`${line}, unit ${bytes[0]}`);
          if (asked.length === interruptAt) control.abort();
          if (line !== speaks) return;
          for (const reply of slave.receive(bytes))
            clock.setTimer('answer', 1, () => events.received(reply));
        },
        close: () => {
          open.delete(line);
          return Promise.resolve();
        },
      };
    };
  const said = { out: '', err: '' };
  const terminal = {
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    signal: control.signal,
  };
  const end: { isOver: boolean; error?: EdgeError } = { isOver: false };
  void scanVerb({ clock, random, openLink }, argumentsOf(FLAGS), terminal)
    .catch((thrown: unknown) => (end.error = EdgeError.from(thrown)))
    .finally(() => (end.isOver = true));
  const isOver = (): boolean => end.isOver;
  for (let turn = 0; !isOver() && turn < 10_000; turn += 1) {
    await settle();
    if (!isOver()) clock.fireNext();
  }
  t.true(end.isOver);
  return { ...said, error: end.error, asked, open, nowMs: clock.now() };
}

test('each baud rate is tried with each format', (t) => {
  t.deepEqual(linesOf(argumentsOf(FLAGS)).map(lineName), [
    '9600 8N1',
    '9600 8E1',
    '19200 8N1',
    '19200 8E1',
  ]);
  t.like(linesOf(argumentsOf(FLAGS))[1], { baudRate: 9600, parity: 'even', transport: 'rtu' });
});

test('a slave is found at the one line that it understands, with progress beside', async (t) => {
  const { out, err, error, asked, open } = await scanned(t, '19200 8N1');
  t.is(error, undefined);
  t.is(out, 'unit 2 at 19200 8N1: Acme X1\n');
  const [progress = '', next] = err.split('Describe each in');
  t.truthy(next);
  const told = progress.trimEnd().split('\n');
  t.is(told[0], '0 of 12: 9600 8N1, unit 1');
  for (const line of told) t.regex(line, /^\d+ of 12: (9600|19200) 8[NE]1, unit [123]$/);
  // About 2 s in all, and a line a second.
  t.true(told.length >= 2 && told.length <= 4, err);
  // Found once: at the last line only the others are asked.
  t.deepEqual(asked.slice(-2), ['19200 8E1, unit 1', '19200 8E1, unit 3']);
  t.is(open.size, 0);
});

test('nothing is said so, after every unit of every line', async (t) => {
  const { error, asked } = await scanned(t, 'none');
  t.is(error?.message, 'nothing answered');
  t.is(asked.length, 12);
});

test('a scan that is interrupted tells how far it came, and ends at once', async (t) => {
  const { error, open, nowMs, asked } = await scanned(t, 'none', 5);
  t.is(error?.code, 'EDGE_DEVICE_TIMEOUT');
  t.is(error?.message, 'interrupted after 4 of 12: nothing answered until then');
  t.regex(error?.hint ?? '', /--units/);
  t.is(asked.length, 5);
  t.is(open.size, 0);
  // Four time-outs of 200 ms and the silences before them: the fifth was not waited for.
  t.true(nowMs < 1_000, String(nowMs));
});

test('a scan that is interrupted keeps what it had found', async (t) => {
  const { out, err, error } = await scanned(t, '9600 8N1', 4);
  t.is(error, undefined);
  t.is(out, 'unit 2 at 9600 8N1: Acme X1\n');
  t.regex(err, /^interrupted after 3 of 12$/m);
});
