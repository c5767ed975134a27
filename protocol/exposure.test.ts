import test from 'ava';
import { sayExposed } from './exposure.js';
import { jsonLog } from './log.js';

const said = (host: string): string[] => {
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => 0,
  );
  sayExposed(log, { name: 'broker', host, port: 1883 }, { protection: 'none', hint: 'close it' });
  return lines;
};

test('a door that others reach is announced as a warning with its address and how to close it', (t) => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'gateway.example.com']) {
    const [line = '', more] = said(host);
    t.is(more, undefined);
    t.like(JSON.parse(line), {
      ...{ level: 'warn', event: 'listening-beyond-this-machine' },
      ...{ door: 'broker', host, port: 1883, hint: 'close it' },
    });
  }
});

test('nothing is said of loopback', (t) => {
  for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) t.deepEqual(said(host), []);
});
