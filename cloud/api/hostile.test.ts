import { request } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import fc from 'fast-check';
import { ServedFleet } from './served-fleet.js';

const DESIRED = '/api/v1/devices/default/meter/properties/setpoint/desired';
const MEBIBYTE = Buffer.alloc(1024 * 1024, 0x20);

async function served(t: { teardown: (fn: () => Promise<void>) => void }, options = {}) {
  const hub = await ServedFleet.start(options);
  t.teardown(() => hub.stop());
  return hub;
}

function socketTo(hub: ServedFleet): Socket {
  const { hostname, port } = new URL(hub.url);
  return connect(Number(port), hostname).on('error', () => undefined);
}

/** Everything the other end says until it closes. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => (text += part));
  if (!socket.closed) await once(socket, 'close');
  return text;
}

test('CVE-2022-31074, CVE-2022-31073, H50: a body of a gibibyte in chunks is refused with 413 after the first few, and memory stays', async (t) => {
  const hub = await served(t);
  const token = await hub.token('operator');
  const before = process.memoryUsage().rss;
  let sent = 0;
  const status = await new Promise<number | string>((resolve) => {
    const upload = request(hub.url + DESIRED, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'transfer-encoding': 'chunked' },
    });
    upload.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      upload.destroy();
    });
    upload.on('error', (error) => resolve(String(error)));
    const pump = (): void => {
      while (sent < 1024 && !upload.destroyed) {
        sent++;
        if (!upload.write(MEBIBYTE)) {
          upload.once('drain', pump);
          return;
        }
      }
      upload.end();
    };
    pump();
  });
  t.is(status, 413);
  t.true(sent < 1024);
  const grown = Math.round((process.memoryUsage().rss - before) / MEBIBYTE.length);
  t.log(`413 after ${sent} of 1,024 MiB were written, grew ${grown} MiB`);
  t.true(grown < 256);
  t.is((await fetch(`${hub.url}/healthz`)).status, 200);
});

test('CVE-2022-31074: a declared length over the limit is refused before anything is read', async (t) => {
  const hub = await served(t);
  const token = await hub.token('operator');
  const socket = socketTo(hub);
  const text = untilClosed(socket);
  socket.write(
    `PUT ${DESIRED} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
      `Authorization: Bearer ${token}\r\nContent-Length: 4294967296\r\n\r\n`,
  );
  t.regex(await text, /^HTTP\/1\.1 413 /);
});

test('CVE-2022-31074: a body without end that nobody asked for ends its connection with the answer', async (t) => {
  const hub = await served(t);
  const authorization = `Bearer ${await hub.token('viewer')}`;
  const upload = request(`${hub.url}/api/v1/nodes`, {
    headers: { authorization, 'transfer-encoding': 'chunked' },
  });
  upload.on('error', () => undefined);
  let sent = 0;
  const pump = (): void => {
    while (sent < 1024 && !upload.destroyed) {
      sent++;
      if (!upload.write(MEBIBYTE)) return;
    }
    upload.end();
  };
  upload.on('drain', pump);
  pump();
  await new Promise((resolve) => upload.once('close', resolve));
  t.true(sent < 1024, `${sent} MiB were read`);
});

test('C23: headers beyond their limit are refused with 431', async (t) => {
  const hub = await served(t);
  const socket = socketTo(hub);
  const text = untilClosed(socket);
  socket.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  t.regex(await text, /^HTTP\/1\.1 431 /);
});

test('#7231, C23: a header that never ends is cut off', async (t) => {
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600, checkIntervalMs: 50 };
  const hub = await served(t, { limits });
  const socket = socketTo(hub);
  const text = untilClosed(socket);
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
  t.regex(await text, /^HTTP\/1\.1 408 /);
});

test('CVE-2022-31075, C23: a body that never ends is cut off', async (t) => {
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600, checkIntervalMs: 50 };
  const hub = await served(t, { limits });
  const token = await hub.token('operator');
  const socket = socketTo(hub);
  const text = untilClosed(socket);
  socket.write(
    `PUT ${DESIRED} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
      'Content-Length: 100\r\n\r\n{',
  );
  t.regex(await text, /^HTTP\/1\.1 (400|408) /);
});

test('#7231, C23: a thousand half-open connections do not keep an honest client out', async (t) => {
  const hub = await served(t, { limits: { connections: 50 } });
  const sockets = await Promise.all(
    Array.from({ length: 1_000 }, async () => {
      const socket = socketTo(hub);
      await once(socket, 'connect');
      socket.write('GET /healthz HTTP/1.1\r\nHost: ');
      return socket;
    }),
  );
  t.is((await fetch(`${hub.url}/healthz`)).status, 200);
  const metrics = await (await fetch(`${hub.url}/metrics`)).text();
  const evicted = Number(/edgetwin_api_connections_evicted_total (\d+)/.exec(metrics)?.[1]);
  t.true(evicted > 0, `${evicted} evicted`);
  t.true(Number(/edgetwin_api_connections (\d+)/.exec(metrics)?.[1]) <= 50);
  sockets.forEach((socket) => socket.destroy());
});

test('H50: bytes that are not HTTP close their connection and nothing else', async (t) => {
  const hub = await served(t);
  for (const bytes of ['\x16\x03\x01\x02\x00\x01\x00', '\0'.repeat(5_000), 'GET\r\n\r\n', '\r\n']) {
    const socket = socketTo(hub);
    const text = untilClosed(socket);
    socket.end(Buffer.from(bytes, 'latin1'));
    t.regex(await text, /^(HTTP\/1\.1 400 |$)/);
  }
  t.is((await fetch(`${hub.url}/healthz`)).status, 200);
});

test('H50: two lengths in one request, the smuggler’s trick, are refused', async (t) => {
  const hub = await served(t);
  const socket = socketTo(hub);
  const text = untilClosed(socket);
  socket.write(
    'PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  );
  t.regex(await text, /^HTTP\/1\.1 400 /);
});

test('H50: through loopback a foreign Host header is refused, so no page can rebind its name', async (t) => {
  const hub = await served(t);
  const token = await hub.token('viewer');
  for (const path of ['/healthz', '/metrics', '/api/v1/nodes']) {
    const socket = socketTo(hub);
    const text = untilClosed(socket);
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n` +
        `Authorization: Bearer ${token}\r\n\r\n`,
    );
    t.regex(await text, /^HTTP\/1\.1 421 /);
  }
});

test('H50: whatever the body, the answer is a value taken or a problem of the client', async (t) => {
  const hub = await served(t);
  const authorization = `Bearer ${await hub.token('operator')}`;
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ value }))),
    fc.double().map((value) => Buffer.from(`{"value":${value}}`)),
  );
  await fc.assert(
    fc.asyncProperty(body, async (bytes) => {
      const response = await fetch(hub.url + DESIRED, {
        method: 'PUT',
        headers: { authorization },
        body: bytes,
      });
      await response.text();
      return [200, 202, 400, 413, 422].includes(response.status);
    }),
    { numRuns: 100 },
  );
  t.pass();
});

test('a HEAD of the watch holds no watch open', async (t) => {
  const hub = await served(t);
  const headers = { authorization: `Bearer ${await hub.token('viewer')}` };
  const { status } = await fetch(`${hub.url}/api/v1/watch`, { method: 'HEAD', headers });
  t.is(status, 200);
  t.is(hub.fleet.watchers, 0);
});

test('H50: tokens of strange shape are wrong tokens, nothing more', async (t) => {
  const hub = await served(t, { limits: { failures: 100 } });
  for (const authorization of [
    'Bearer',
    'Bearer ',
    'Basic YTpi',
    `Bearer ${'x'.repeat(5_000)}`,
    'x',
  ])
    t.is((await fetch(`${hub.url}/api/v1/nodes`, { headers: { authorization } })).status, 401);
});
