/** Modbus Security (TLS, both ends with certificates) and devices that dial in, on real sockets. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { sleep, systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import type { BusSettings } from '#mappers/modbus/bus-settings.js';
import type { BusOutcome } from '#mappers/modbus/job.js';
import { busOf } from '#mappers/modbus/transport.js';
import type { Identity } from '#tunnel/transport.js';
import { TestAuthority } from '#tunnel/test-authority.js';
import { freePort } from '../link.js';

const HOST = '127.0.0.1';
const read = { op: 'read', unit: 1, kind: 'holding', offset: 42, count: 1 } as const;

/** A register holds its own address. */
function serve(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.on('data', (frame: Buffer) =>
    socket.write(Buffer.from([...frame.subarray(0, 4), 0, 5, 1, 3, 2, ...frame.subarray(8, 10)])),
  );
}

async function withBus(
  settings: BusSettings,
  run: (ask: () => Promise<BusOutcome>, runner: BusRunner) => Promise<void>,
): Promise<void> {
  const { bus, open } = busOf(settings, systemClock);
  const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
  const runner = new BusRunner(bus, open, ports);
  try {
    await run(() => runner.request(read, { priority: 'poll', timeoutMs: 1_000 }), runner);
  } finally {
    await runner.close();
  }
}

async function answered(ask: () => Promise<BusOutcome>): Promise<BusOutcome> {
  for (;;) {
    const outcome = await ask();
    if (outcome.kind === 'data') return outcome;
    await sleep(systemClock, 'try again', 20);
  }
}

/** A device that asks for a certificate of `authority`, and a master with this identity. */
async function secured(
  t: ExecutionContext,
  device: Identity,
  authority: TestAuthority,
  own: Identity,
  run: (ask: () => Promise<BusOutcome>, runner: BusRunner) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'edgetwin-tls-'));
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const options = { key: device.key, cert: device.certificate, ca: [authority.certificate] };
  const server = createTlsServer({ ...options, requestCert: true }, serve);
  server.on('tlsClientError', () => undefined);
  server.listen(0, HOST);
  await once(server, 'listening');
  const settings = {
    transport: 'tls',
    host: HOST,
    tcpPort: (server.address() as AddressInfo).port,
    ca: await file('ca.pem', authority.certificate),
    cert: await file('cert.pem', own.certificate),
    key: await file('key.pem', own.key),
  } as const;
  try {
    await withBus(settings, run);
  } finally {
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  }
  t.pass();
}

test('defect 27: TLS with certificates at both ends reads a device', async (t) => {
  const authority = new TestAuthority();
  await secured(t, authority.hub(), authority, authority.node('gateway'), async (ask) => {
    t.deepEqual(await ask(), { kind: 'data', words: [42] });
  });
});

test('TLS: a device of another authority is not asked, and the reason is told', async (t) => {
  const authority = new TestAuthority();
  const other = new TestAuthority('somebody else').hub();
  await secured(t, other, authority, authority.node('gateway'), async (ask, runner) => {
    t.like(await ask(), { kind: 'failed', code: 'EDGE_DEVICE_CLOSED', unsent: true });
    t.regex(runner.trouble ?? '', /certificate|signature|self.signed/i);
  });
});

test('TLS: a device that does not know our authority gets no request out of us', async (t) => {
  const authority = new TestAuthority();
  const own = new TestAuthority('somebody else').node('gateway');
  await secured(t, authority.hub(), authority, own, async (ask) => {
    t.is((await ask()).kind, 'failed');
  });
});

test('a device that dials in is asked, also when it dials in again', async (t) => {
  const tcpPort = await freePort();
  await withBus({ transport: 'listen', host: HOST, tcpPort }, async (ask) => {
    const dial = async (): Promise<Socket> => {
      for (;;) {
        const socket = connect(tcpPort, HOST);
        serve(socket);
        const isThere = await new Promise<boolean>((resolve) => {
          socket.on('connect', () => resolve(true)).on('close', () => resolve(false));
        });
        if (isThere) return socket;
        await sleep(systemClock, 'dial again', 20);
      }
    };
    const first = await dial();
    t.deepEqual(await answered(ask), { kind: 'data', words: [42] });
    first.destroy();
    const second = await dial();
    t.deepEqual(await answered(ask), { kind: 'data', words: [42] });
    second.destroy();
  });
});

test('defect 26: a connection that falls silent is closed and made anew', async (t) => {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    connections += 1;
    if (connections > 1) serve(socket);
    else socket.on('error', () => undefined).resume();
  }).listen(0, HOST);
  await once(server, 'listening');
  const { port: tcpPort } = server.address() as AddressInfo;
  await withBus({ transport: 'tcp', host: HOST, tcpPort }, async (_, runner) => {
    const ask = (): Promise<BusOutcome> =>
      runner.request(read, { priority: 'write', timeoutMs: 50 });
    t.deepEqual(await answered(ask), { kind: 'data', words: [42] });
    t.is(connections, 2);
  });
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
