import { timingSafeEqual, createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EdgeError } from '#protocol/errors.js';
import { isLoopback, isLoopbackHost } from '#protocol/listen-address.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import { PROBLEM_MEDIA_TYPE, problemOf, Refusal } from '#protocol/problem.js';

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const;

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, 'application/json', JSON.stringify(body));
}

export function send(
  response: ServerResponse,
  status: number,
  mediaType: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const all = { ...SECURITY_HEADERS, 'content-type': mediaType, ...headers };
  response.writeHead(status, all).end(text);
}

/** An RFC 9457 problem. What is left of the request's body is not waited for. */
export function sendProblem(response: ServerResponse, error: EdgeError): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const problem = problemOf(error);
  const headers = {
    ...(error instanceof Refusal ? error.headers : {}),
    ...(response.req.complete ? {} : { connection: 'close' }),
  };
  send(response, problem.status, PROBLEM_MEDIA_TYPE, JSON.stringify(problem), headers);
}

/** Begins an answer that lasts. */
export function beginStream(response: ServerResponse): void {
  response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'text/event-stream' });
}

/** Begins an answer of bytes that come piece by piece. */
export function beginBytes(response: ServerResponse): void {
  response.writeHead(200, { ...SECURITY_HEADERS, 'content-type': 'application/octet-stream' });
}

/** The JSON body. Throws EDGE_LIMIT beyond `bytesMax`, EDGE_MALFORMED, EDGE_CONNECTION. */
export async function readJson(request: IncomingMessage, bytesMax: number): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Left early the iterator would destroy the socket, and the answer with it.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const part = chunk as Buffer;
      bytes += part.length;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      chunks.push(part);
    }
  } catch (cause) {
    if (cause instanceof EdgeError) throw cause;
    throw new EdgeError('EDGE_CONNECTION', 'the request was cut off', { cause });
  }
  return parseOutsideJson(Buffer.concat(chunks), bytesMax);
}

/** True when the other end of this connection is on this machine. */
export function isLocal(request: IncomingMessage): boolean {
  return isLoopback(request.socket.localAddress ?? '');
}

/** A page from elsewhere may resolve its own name to 127.0.0.1; its Host header gives it away. */
export function checkHost(request: IncomingMessage): void {
  const { host } = request.headers;
  if (host !== undefined && isLoopbackHost(host)) return;
  throw new Refusal(421, 'EDGE_FORBIDDEN', 'the Host header is not a loopback address', {
    hint: 'Use http://127.0.0.1 or http://localhost.',
  });
}

/** Compares in constant time. Throws EDGE_UNAUTHENTICATED. */
export function checkToken(request: IncomingMessage, token: string): void {
  const given = /^Bearer +([\x21-\x7e]{1,256})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (given !== undefined && timingSafeEqual(hashOf(given), hashOf(token))) return;
  throw new Refusal(401, 'EDGE_UNAUTHENTICATED', 'this needs the control token', {
    hint: 'Use `edgetwin twin set`: it reads the token from control.json in the data folder.',
    headers: { 'www-authenticate': 'Bearer realm="edgetwin"' },
  });
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function tooLarge(bytesMax: number): EdgeError {
  return new EdgeError('EDGE_LIMIT', `the body has more than ${bytesMax} bytes`, {
    hint: 'Send a smaller document.',
  });
}
