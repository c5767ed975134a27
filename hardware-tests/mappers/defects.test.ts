/**
 * What modbus-serial 8.0.25 was seen to do wrong, one test each, against slaves on real sockets:
 * none of it may be reachable here.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { sleep, systemClock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { until } from '#mappers/compliance.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import { readSettings } from '#mappers/modbus/config.js';
import type { BusOutcome } from '#mappers/modbus/job.js';
import { Naps } from '#mappers/modbus/naps.js';
import { busOf } from '#mappers/modbus/transport.js';
import { hasLibmodbus } from './compiled.js';
import { PacedLines } from './paced-line.js';
import { scripted, TIMEOUT_MS, type Asked, type Scripted } from './scripted-server.js';

type Answer = (asked: Asked) => void;

/** A defect on a serial line is shown through a server that passes the line on: same framing. */
function defect(
  title: string,
  wire: 'tcp' | 'rtu-over-tcp',
  answer: Answer,
  run: (t: ExecutionContext, slave: Scripted) => Promise<void>,
): void {
  test(`defect ${title}`, async (t) => {
    const slave = await scripted(wire, answer);
    try {
      await run(t, slave);
    } finally {
      await slave.close();
    }
  });
}

const data = (...words: number[]): BusOutcome => ({ kind: 'data', words });
const well: Answer = ({ send, good }) => send(good);
/** All of the reads end with their own values; the reads of one unit go one after the other. */
const reads = async (t: ExecutionContext, slave: Scripted, offsets: number[]): Promise<void> => {
  for (const offset of offsets) t.deepEqual(await slave.read(offset), data(offset), `${offset}`);
};

/** The new connection is made after a random delay; until then requests fail at once. */
async function answersAgain(slave: Scripted): Promise<void> {
  while ((await slave.read(2)).kind !== 'data') await sleep(systemClock, 'try again', 20);
}

defect(
  '1: a late reply is not the answer to the next request',
  'rtu-over-tcp',
  ({ nth, after, send, good }) => (nth === 0 ? after(TIMEOUT_MS + 200, good) : send(good)),
  (t, slave) => reads(t, slave, [100, 200, 300]),
);

defect(
  '2: a reply that comes twice does not answer the next request',
  'rtu-over-tcp',
  ({ send, good }) => send(good, good),
  (t, slave) => reads(t, slave, [100, 200, 300]),
);

defect(
  '3: a reply that breaks off costs no other transaction',
  'rtu-over-tcp',
  ({ nth, send, good }) => send(nth === 0 ? good.slice(0, 4) : good),
  async (t, slave) => {
    await reads(t, slave, [100, 200]);
    t.is(slave.runner.counters()['timeouts'], 1);
  },
);

defect(
  '4: noise with plausible headers and an adapter that echoes cost nothing',
  'rtu-over-tcp',
  ({ nth, frame, send, good }) => send(nth % 2 === 0 ? frame : good.slice(0, 3), good),
  async (t, slave) => {
    await reads(t, slave, [1, 2, 3, 4, 5, 6]);
    t.is(slave.runner.counters()['timeouts'], 0);
  },
);

defect(
  '5: mask write, identity and a maker’s own function work on a line',
  'rtu-over-tcp',
  ({ frame, send, reply }) => {
    if (frame[1] === 22) send(frame);
    if (frame[1] === 43) send(reply(1, [43, 14, 1, 1, 0, 0, 1, 0, 2, 0x41, 0x42]));
    if (frame[1] === 0x42) send(frame);
  },
  async (t, slave) => {
    t.deepEqual(await slave.ask({ op: 'mask', unit: 1, offset: 4, and: 0xff, or: 1 }), data());
    const identity = await slave.ask({ op: 'identify', unit: 1, level: 1, object: 0 });
    t.is(identity.kind, 'data');
    const reset = { op: 'call', unit: 1, code: 0x42, data: [], replyBytes: 0 } as const;
    t.deepEqual(await slave.ask(reset), data());
  },
);

defect(
  '6: calls at the same time do not take each other’s answers',
  'rtu-over-tcp',
  well,
  async (t, slave) => {
    const outcomes = await Promise.all([10, 20, 30].map((offset) => slave.read(offset)));
    t.deepEqual(outcomes, [data(10), data(20), data(30)]);
  },
);

defect(
  '7 and 8: a silent slave ends every call',
  'tcp',
  () => undefined,
  async (t, slave) => {
    const server = { op: 'call', unit: 2, code: 17, data: [], replyBytes: 3 } as const;
    const outcomes = await Promise.all([slave.read(1), slave.ask(server)]);
    for (const outcome of outcomes)
      t.like(outcome, { kind: 'failed', code: 'EDGE_DEVICE_TIMEOUT' });
  },
);

defect(
  '9: an identity that announces more and falls silent ends, and crashes nothing',
  'rtu-over-tcp',
  ({ nth, send, reply }) => {
    if (nth === 0) send(reply(1, [43, 14, 1, 1, 0xff, 1, 1, 0, 1, 0x41]));
  },
  async (t, slave) => {
    const first = await slave.ask({ op: 'identify', unit: 1, level: 1, object: 0 });
    t.is(first.kind, 'data');
    const second = await slave.ask({ op: 'identify', unit: 1, level: 1, object: 1 });
    t.like(second, { kind: 'failed', code: 'EDGE_DEVICE_TIMEOUT' });
  },
);

for (const [title, end] of [
  ['10: a reset', (asked: Asked) => void asked.socket.resetAndDestroy()],
  ['11: an end of the connection', (asked: Asked) => void asked.socket.end()],
] as const)
  defect(
    `${title} fails what is under way at once, and is followed by a new connection`,
    'tcp',
    (asked) => (asked.nth === 0 ? end(asked) : asked.send(asked.good)),
    async (t, slave) => {
      t.like(await slave.read(1), { kind: 'failed', code: 'EDGE_DEVICE_CLOSED' });
      await answersAgain(slave);
    },
  );

for (const [what, spoil] of [
  ['garbage before a reply', (good: Uint8Array) => Uint8Array.from([9, 9, 9, 9, 9, ...good])],
  ['a length of 0xffff', (good: Uint8Array) => good.with(4, 0xff).with(5, 0xff)],
] as const)
  defect(
    `12: ${what} costs a connection, not all that follows`,
    'tcp',
    ({ nth, send, good }) => send(nth === 0 ? spoil(good) : good),
    async (t, slave) => {
      t.is((await slave.read(1)).kind, 'failed');
      await answersAgain(slave);
      t.deepEqual(await slave.read(3), data(3));
    },
  );

for (const [what, at] of [
  ['of another protocol', 2],
  ['to another transaction', 1],
] as const)
  defect(
    `13: a reply ${what} is no answer`,
    'tcp',
    ({ send, good }) => send(good.with(at, (good[at] ?? 0) ^ 0x40)),
    async (t, slave) => {
      t.is((await slave.read(1)).kind, 'failed');
    },
  );

{
  let first: Uint8Array | undefined;
  defect(
    '14: a reply to a request of 256 requests ago is no answer',
    'tcp',
    ({ nth, send, good }) => {
      if (nth === 0) first = good;
      else if (nth === 257 && first !== undefined) send(first, good);
      else send(good);
    },
    async (t, slave) => {
      t.deepEqual(await slave.read(77), data(77), 'it was asked again');
      for (let offset = 0; offset < 300; offset += 1)
        t.deepEqual(await slave.read(offset), data(offset));
      t.is(slave.runner.counters()['lateReplies'], 1);
    },
  );
}

defect(
  '15: 300 requests at once are each answered with their own',
  'tcp',
  well,
  async (t, slave) => {
    const offsets = Array.from({ length: 300 }, (_, offset) => offset);
    const outcomes = await Promise.all(offsets.map((offset) => slave.read(offset)));
    t.deepEqual(
      outcomes,
      offsets.map((offset) => data(offset)),
    );
  },
);

for (const wire of ['tcp', 'rtu-over-tcp'] as const) {
  const refusal: Answer = ({ nth, send, reply, good }) =>
    send(nth === 0 ? reply(99, [0x83, 2]) : good);
  defect(`16: the exception of another unit refuses nothing, ${wire}`, wire, refusal, (t, slave) =>
    reads(t, slave, [1, 2]),
  );

  const otherEcho: Answer = ({ unit, send, reply }) => send(reply(unit, [6, 0, 9, 0xde, 0xad]));
  defect(`17: the echo of another write is none, ${wire}`, wire, otherEcho, async (t, slave) => {
    const write = { op: 'write', unit: 1, kind: 'holding', offset: 1, words: [5] } as const;
    t.is((await slave.ask(write)).kind, 'failed');
  });

  const short: Answer = ({ unit, send, reply }) => send(reply(unit, [3, 2, 0, 7]));
  defect(`18: a reply with fewer registers is none, ${wire}`, wire, short, async (t, slave) => {
    t.is((await slave.read(1, 1, 2)).kind, 'failed');
  });
}

defect(
  '19: closing ends what is under way',
  'tcp',
  () => undefined,
  async (t, slave) => {
    const pending = [slave.read(1), slave.read(2), slave.read(3)];
    await until('it was sent', () => (slave.runner.counters()['requests'] ?? 0) > 0);
    await slave.runner.close();
    for (const outcome of await Promise.all(pending))
      t.like(outcome, { code: 'EDGE_DEVICE_CLOSED' });
  },
);

test('defect 20: UDP: the first request is answered, and an unreachable port harms nothing', async (t) => {
  const device = createSocket('udp4').bind(0, '127.0.0.1');
  await once(device, 'listening');
  device.on('message', (bytes, { port, address }) =>
    device.send(Uint8Array.from([...bytes.subarray(0, 4), 0, 5, 1, 3, 2, 0, 42]), port, address),
  );
  const { port: tcpPort } = device.address();
  const { bus, open } = busOf({ transport: 'udp', host: '127.0.0.1', tcpPort }, systemClock);
  const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
  const runner = new BusRunner(bus, open, ports);
  const request = { op: 'read', unit: 1, kind: 'holding', offset: 0, count: 1 } as const;
  const how = { priority: 'poll', timeoutMs: 500 } as const;
  t.deepEqual(await runner.request(request, how), data(42));
  device.close();
  await once(device, 'close');
  const gone = await Promise.all([runner.request(request, how), runner.request(request, how)]);
  t.true(gone.every(({ kind }) => kind === 'failed'));
  await runner.close();
});

test('defect 21: what a link reports is an error with code, cause and hint', async (t) => {
  const settings = { transport: 'tcp', host: '127.0.0.1', tcpPort: 1 } as const;
  const error = await new Promise<unknown>((resolve) => {
    const none = (): void => undefined;
    busOf(settings, systemClock).open({ opened: none, received: none, closed: resolve });
  });
  t.true(error instanceof EdgeError && error instanceof Error);
  t.truthy((error as EdgeError).hint);
  t.truthy((error as EdgeError).stack);
});

test('defect 22: an address that is no number is refused before anything is sent', (t) => {
  const visitor = {
    protocolName: 'modbus',
    configData: { register: 'HoldingRegister', offset: NaN },
  };
  const { settings, issues } = readSettings({
    id: 'default/d',
    model: 'm',
    protocol: { protocolName: 'modbus', configData: { transport: 'tcp', host: 'plc' } },
    properties: [
      {
        name: 'p',
        type: 'int',
        access: 'ReadOnly',
        collectCycleMs: 1000,
        reportCycleMs: 1000,
        reportToCloud: true,
        visitor,
      },
    ],
  });
  t.is(settings, undefined);
  t.is(issues.length, 1);
});

defect(
  '22: three bits are three, not eight',
  'tcp',
  ({ unit, send, reply }) => send(reply(unit, [1, 1, 0b101])),
  async (t, slave) => {
    const bits = { op: 'read', unit: 1, kind: 'coil', offset: 0, count: 3 } as const;
    t.deepEqual(await slave.ask(bits), data(1, 0, 1));
  },
);

defect(
  '23: a link that is lost fails what is under way at once and comes back by itself',
  'rtu-over-tcp',
  ({ nth, socket, send, good }) => (nth === 0 ? void socket.destroy() : send(good)),
  async (t, slave) => {
    t.like(await slave.read(1), { kind: 'failed', code: 'EDGE_DEVICE_CLOSED' });
    await answersAgain(slave);
  },
);

test('defect 24: on a line at the speed of a UART each request comes after 3.5 characters of silence', async (t) => {
  if (!hasLibmodbus()) {
    t.log('skipped: needs gcc and libmodbus');
    t.pass();
    return;
  }
  const lines = new PacedLines();
  t.teardown(() => lines.remove());
  for (const baudRate of [9_600, 19_200, 115_200]) {
    const line = await lines.open(baudRate, 3);
    const format = { dataBits: 8, stopBits: 1, parity: 'none' } as const;
    const settings = { transport: 'rtu', port: line.port, baudRate, ...format } as const;
    const { bus, open } = busOf(settings, systemClock);
    const runner = new BusRunner(bus, open, {
      ...{ clock: systemClock, random: seededRandom(1), log: silentLog },
      naps: new Naps(systemClock),
    });
    // All at once: each goes as soon as it may.
    const outcomes = await Promise.all(
      Array.from({ length: 15 }, (_, nth) =>
        runner.request(
          { op: 'read', unit: 1 + (nth % 3), kind: 'holding', offset: nth, count: 2 },
          { priority: 'poll', timeoutMs: TIMEOUT_MS },
        ),
      ),
    );
    await runner.close();
    outcomes.forEach((outcome, nth) => {
      const first = (1 + (nth % 3)) * 2000 + nth;
      t.deepEqual(outcome, data(first, first + 1));
    });
    const { early, requests } = await line.end();
    t.is(early, 0, `${baudRate}`);
    t.true(requests >= 15);
  }
});

defect(
  '25: a broadcast waits for no reply',
  'rtu-over-tcp',
  () => undefined,
  async (t, slave) => {
    const all = { op: 'write', unit: 0, kind: 'coil', offset: 1, words: [1] } as const;
    t.deepEqual(await slave.ask(all), data());
    t.is(slave.runner.counters()['timeouts'], 0);
  },
);

test('each defect of docs/mappers.md has a test of its number', async (t) => {
  const root = new URL('../../../', import.meta.url);
  const text = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');
  const files = ['defects', 'secured'].map((name) => `hardware-tests/mappers/${name}.test.ts`);
  const titles = (await Promise.all(files.map(text))).join('');
  const listed = [...(await text('docs/mappers.md')).matchAll(/^\| (\d+) \| .* \|$/gm)];
  t.deepEqual(
    listed.map(([, number]) => Number(number)),
    Array.from({ length: 27 }, (_, index) => index + 1),
  );
  for (const [row, number = ''] of listed)
    t.regex(titles, new RegExp(`['\`](?:defect )?(?:\\d+ and )?${number}(?: and \\d+)?: `), row);
});
