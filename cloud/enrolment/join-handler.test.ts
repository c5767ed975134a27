import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import type { JoinAnswer, TimeAnswer, TrustAnswer } from '#protocol/join.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type { Peer } from '#tunnel/transport.js';
import { joinHandler } from './join-handler.js';

const renew = async (holder: Peer | undefined): Promise<JoinAnswer> => {
  throw new EdgeError('EDGE_UNAUTHENTICATED', `holder: ${holder?.name ?? 'nobody'}`);
};

const trust = async (): Promise<TrustAnswer> => ({ roots: ['r'], links: [] });
const time = (): TimeAnswer => ({ wallMs: 1, signature: 's' });

const ANSWER: JoinAnswer = { node: 'gw-1', certificate: 'c', authority: 'a' };

interface TestServer {
  readonly clock: ManualClock;
  /** Sends this and resolves `answer` with all that came back, when the connection is closed. */
  readonly send: (text: string) => { socket: Socket; answer: Promise<string> };
}

async function serverFor(
  t: ExecutionContext,
  join: (body: unknown, from: string) => Promise<JoinAnswer> = async () => ANSWER,
): Promise<TestServer> {
  const clock = new ManualClock();
  const server = createServer(joinHandler({ join, renew, trust, time }, clock));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const send = (text: string): { socket: Socket; answer: Promise<string> } => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    let heard = '';
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString()));
    socket.on('error', () => undefined);
    socket.write(text);
    const answer = new Promise<string>((resolve) => socket.on('close', () => resolve(heard)));
    return { socket, answer };
  };
  return { clock, send };
}

function post(body: string, path = '/v1/join'): string {
  return `POST ${path} HTTP/1.1\r\nHost: hub\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

test('a join is passed on with where it came from, and answered as JSON', async (t) => {
  const asked: unknown[] = [];
  const { send } = await serverFor(t, async (...arguments_) => {
    asked.push(...arguments_);
    return ANSWER;
  });
  const answer = await send(post('{"id":"1"}')).answer;
  t.regex(answer, /^HTTP\/1\.1 200 /);
  t.regex(answer, /cache-control: no-store/i);
  t.deepEqual(JSON.parse(answer.split('\r\n\r\n')[1] ?? ''), ANSWER);
  t.deepEqual(asked[0], { id: '1' });
  t.regex(String(asked[1]), /^127\.0\.0\.1:\d+$/);
});

test('a renewal by somebody who shows no certificate is answered 401', async (t) => {
  const { send } = await serverFor(t);
  const answer = await send(post('{}', '/v1/renew')).answer;
  t.regex(answer, /^HTTP\/1\.1 401 [\s\S]*holder: nobody/);
});

for (const [what, request] of [
  ['another path', post('{}', '/v1/join/')],
  ['another method', 'GET /v1/join HTTP/1.1\r\nHost: hub\r\n\r\n'],
] as const)
  test(`${what} is answered 404`, async (t) => {
    const { send } = await serverFor(t);
    t.regex(await send(request).answer, /^HTTP\/1\.1 404 [\s\S]*"code":"EDGE_UNSUPPORTED"/);
  });

for (const [body, code] of [
  ['', 'EDGE_MALFORMED'],
  ['{', 'EDGE_MALFORMED'],
  ['\ud800', 'EDGE_MALFORMED'],
  ['['.repeat(10_000), 'EDGE_LIMIT'],
] as const)
  test(`a body like "${body.slice(0, 5)}" of ${body.length} characters is ${code}`, async (t) => {
    const { send } = await serverFor(t);
    const answer = await send(post(body)).answer;
    t.true(answer.includes(`"code":"${code}"`), answer);
  });

for (const [code, status] of [
  ['EDGE_TOKEN', 403],
  ['EDGE_CERTIFICATE', 400],
  ['EDGE_STORAGE', 503],
  ['EDGE_INTERNAL', 500],
] as const)
  test(`${code} is answered ${status} as a problem, a defect without its words`, async (t) => {
    const { send } = await serverFor(t, async () => {
      throw new EdgeError(code, 'private words', { hint: 'a hint' });
    });
    const answer = await send(post('{}')).answer;
    t.true(answer.startsWith(`HTTP/1.1 ${status} `));
    t.regex(answer, /application\/problem\+json/);
    t.is(answer.includes('private words'), status !== 500);
    t.true(answer.includes(`"type":"urn:edgetwin:error:${code}"`));
  });

test('what comes too often is answered 429 with a time to wait', async (t) => {
  const { send } = await serverFor(t, async () => {
    throw new EdgeError('EDGE_LIMIT', 'too often', { details: { retryAfterS: 60 } });
  });
  t.regex(await send(post('{}')).answer, /^HTTP\/1\.1 429 [\s\S]*retry-after: 60/i);
});

test('E35: an endless body is cut off at 16 KiB', async (t) => {
  let joined = false;
  const { send } = await serverFor(t, async () => {
    joined = true;
    return ANSWER;
  });
  const head = 'POST /v1/join HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n';
  const { socket, answer } = send(head);
  const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`;
  let written = 0;
  const pour = (): void => {
    while (!socket.destroyed && written < 100_000_000) {
      written += chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.on('drain', pour);
  pour();
  const said = await answer;
  t.true(said === '' || said.startsWith('HTTP/1.1 413 '), said);
  t.true(written < 100_000_000);
  t.false(joined);
});

test('E35: a body that never ends is given up after ten seconds', async (t) => {
  const { clock, send } = await serverFor(t);
  const { answer } = send('POST /v1/join HTTP/1.1\r\nHost: hub\r\nContent-Length: 10\r\n\r\n{');
  while (clock.pending().length === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10_000);
  t.regex(await answer, /^HTTP\/1\.1 408 /);
});

test('E35: more than 64 at once are told to wait, and later ones are served', async (t) => {
  const { clock, send } = await serverFor(t);
  const half = 'POST /v1/join HTTP/1.1\r\nHost: hub\r\nContent-Length: 10\r\n\r\n{';
  const waiting = Array.from({ length: 64 }, () => send(half));
  while (clock.pending().length < 64) await new Promise((resolve) => setImmediate(resolve));
  t.regex(await send(post('{}')).answer, /^HTTP\/1\.1 429 /);
  for (const { socket } of waiting) socket.destroy();
  while (clock.pending().length > 0) await new Promise((resolve) => setImmediate(resolve));
  t.regex(await send(post('{}')).answer, /^HTTP\/1\.1 200 /);
});
