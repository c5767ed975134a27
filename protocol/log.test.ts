import test from 'ava';
import { EdgeError } from './errors.js';
import { jsonLog, silentLog } from './log.js';
import type { LogLevel } from './log.js';

function capture(level?: LogLevel) {
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => 0,
    level,
  );
  return { log, parsed: () => lines.map((line) => JSON.parse(line) as unknown), lines };
}

test('a line is one JSON object with time, level, event and fields', (t) => {
  const { log, lines } = capture();
  log.info('started', { port: 1883, note: 'two\nlines' });
  t.deepEqual(lines, [
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"started","port":1883,"note":"two\\nlines"}\n',
  ]);
});

test('lines below the level are not written', (t) => {
  const { log, parsed } = capture('warn');
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  t.deepEqual(
    parsed().map((line) => (line as { event: string }).event),
    ['c', 'd'],
  );
});

test('a child carries its component and fields and keeps the level', (t) => {
  const { log, parsed } = capture('info');
  const child = log.child('eventbus', { client: 'c1' }).child('guard');
  child.debug('hidden');
  child.warn('cut', { bytes: 5 });
  t.like(parsed()[0], { component: 'guard', client: 'c1', event: 'cut', bytes: 5 });
});

test('errors and bigints are written as what JSON can carry', (t) => {
  const { log, parsed } = capture();
  const cause = new RangeError('too far');
  const error = new EdgeError('EDGE_RANGE', 'refused', { cause, hint: 'Send less.' });
  log.error('failed', { error, other: cause, size: 2n ** 60n });
  t.like(parsed()[0], {
    error: { code: 'EDGE_RANGE', message: 'refused', hint: 'Send less.', cause: 'too far' },
    other: { name: 'RangeError', message: 'too far' },
    size: '1152921504606846976',
  });
});

test('a field cannot hide what the line says of itself', (t) => {
  const { log, parsed } = capture();
  log.info('real', { event: 'forged', level: 'debug', time: 'never' });
  t.deepEqual(parsed()[0], { time: '1970-01-01T00:00:00.000Z', level: 'info', event: 'real' });
});

test('the silent log takes everything', (t) => {
  silentLog.child('x').error('y', { z: 1 });
  t.is(silentLog.child('x'), silentLog);
});
