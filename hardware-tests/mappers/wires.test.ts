import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import type { BusOutcome } from '#mappers/modbus/job.js';
import { busOf } from '#mappers/modbus/transport.js';
import { scan, type FoundSlave } from '#mappers/tools/scan.js';
import { serialLink } from '#mappers/serial-port.js';
import { source } from './compiled.js';
import { onSerial } from './on-serial.js';
import { scripted, TIMEOUT_MS } from './scripted-server.js';

const LINE = { baudRate: 115_200, dataBits: 8, stopBits: 1, parity: 'none' } as const;
const ports = { clock: systemClock, random: seededRandom(1) };

onSerial(
  'ASCII on a serial line: registers are read, written and read back from pymodbus',
  async (t, pair) => {
    const words = [source('pymodbus-slave.py'), pair.slave, '115200', '2', 'ascii'];
    const slave = spawn('/usr/bin/python3', words, { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(slave.stdout, 'data');
    const { bus, open } = busOf({ transport: 'ascii', port: pair.master, ...LINE }, systemClock);
    const runner = new BusRunner(bus, open, { ...ports, log: silentLog });
    const at = { unit: 2, kind: 'holding', offset: 40 } as const;
    const how = { priority: 'write', timeoutMs: TIMEOUT_MS } as const;
    const data = (...values: number[]): BusOutcome => ({ kind: 'data', words: values });
    const read = { op: 'read', ...at, count: 2 } as const;
    try {
      // "ready" comes before its port is open.
      let first = await runner.request(read, how);
      for (let again = 0; again < 20 && first.kind !== 'data'; again += 1)
        first = await runner.request(read, how);
      t.deepEqual(first, data(4040, 4041));
      const write = { op: 'write', ...at, words: [7, 0xfffe] } as const;
      t.is((await runner.request(write, how)).kind, 'data');
      t.deepEqual(await runner.request(read, how), data(7, 0xfffe));
      const beyond = { ...read, offset: 5000 };
      t.deepEqual(await runner.request(beyond, how), { kind: 'exception', code: 2 });
    } finally {
      await runner.close();
      slave.kill('SIGKILL');
      await once(slave, 'exit');
    }
  },
  { pymodbus: true },
);

onSerial(
  'a port that another program holds is not opened, and the reason is told',
  async (t, pair) => {
    const open = (): Promise<{ close: () => Promise<void> } | EdgeError> =>
      new Promise((resolve) => {
        const link = serialLink(
          { port: pair.master, ...LINE },
          systemClock,
        )({
          opened: () => resolve(link),
          received: () => undefined,
          closed: resolve,
        });
      });
    const first = await open();
    const second = await open();
    t.true(second instanceof EdgeError);
    t.regex((second as EdgeError).message, /cannot be opened: .*lock/i);
    t.regex((second as EdgeError).hint ?? '', /no other program holds it/);
    if (!(first instanceof EdgeError)) await first.close();
    const third = await open();
    t.false(third instanceof EdgeError, 'it is free again');
    if (!(third instanceof EdgeError)) await third.close();
  },
);

test('a write whose answer does not come is sent once, and may be tried again by who asked', async (t) => {
  let writes = 0;
  const slave = await scripted('rtu-over-tcp', ({ frame, send, good }) => {
    if (frame[1] === 6) writes += 1;
    else send(good);
  });
  try {
    const write = { op: 'write', unit: 1, kind: 'holding', offset: 3, words: [5] } as const;
    const how = { priority: 'write', timeoutMs: 60 } as const;
    t.like(await slave.runner.request(write, how), { code: 'EDGE_DEVICE_TIMEOUT' });
    t.is((await slave.read(9)).kind, 'data');
    t.is(writes, 1);
  } finally {
    await slave.close();
  }
});

test('a scan finds units on several lines, with what they say they are, and tells how far it is', async (t) => {
  const slaves = await Promise.all(
    ['Acme', 'Other'].map((vendor, line) =>
      scripted('tcp', ({ unit, frame, send, reply, good }) => {
        if (unit !== line + 2) return;
        const name = [...Buffer.from(vendor)];
        if (frame[7] === 43)
          send(reply(unit, [43, 14, 1, 1, 0, 0, 2, 0, name.length, ...name, 1, 2, 0x58, 0x31]));
        else if (frame[8] === 0 && frame[9] === 0) send(good);
        else send(reply(unit, [0x83, 2]));
      }),
    ),
  );
  const progress: string[] = [];
  const heard: FoundSlave[] = [];
  const found = await scan(
    {
      lines: slaves.map(({ port }) => ({ transport: 'tcp', host: '127.0.0.1', tcpPort: port })),
      units: [2, 3],
      timeoutMs: TIMEOUT_MS,
      signal: new AbortController().signal,
      progress: (done, total, line) => progress.push(`${done}/${total} ${line.split(' ').at(-1)}`),
      found: (slave) => heard.push(slave),
    },
    ports,
  );
  for (const slave of slaves) await slave.close();
  t.deepEqual(
    found.map(({ unit, identity }) => [unit, identity]),
    [
      [2, ['Acme', 'X1']],
      [3, ['Other', 'X1']],
    ],
  );
  t.deepEqual(heard, found);
  t.deepEqual(progress, ['0/4 2', '1/4 3', '2/4 2', '3/4 3']);
});
