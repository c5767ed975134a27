import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#protocol/clock.js';
import { EdgeError, ERROR_CODES, type ErrorCode } from '#protocol/errors.js';
import { JOIN_PATH, RENEW_PATH, TIME_PATH, TRUST_PATH } from '#protocol/join.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import type { ListenOptions, Peer } from '#tunnel/transport.js';
import type { Enrolment } from './enrolment.js';
import { ENROLMENT_LIMITS as LIMITS } from './limits.js';

type Doors = Pick<Enrolment, 'join' | 'renew' | 'trust' | 'time'>;
type Question = (doors: Doors, body: unknown, asker: Asker) => Promise<object> | object;

interface Asker {
  readonly holder: Peer | undefined;
  /** `host:port`, for the log. */
  readonly from: string;
}

const QUESTIONS: ReadonlyMap<string, Question> = new Map<string, Question>([
  [JOIN_PATH, (doors, body, { from }) => doors.join(body, from)],
  [RENEW_PATH, (doors, body, { holder }) => doors.renew(holder, body)],
  [TRUST_PATH, (doors, body, { holder }) => doors.trust(holder, body)],
  [TIME_PATH, (doors, body) => doors.time(body)],
]);

const STATUS: Partial<Record<ErrorCode, number>> = {
  EDGE_MALFORMED: 400,
  EDGE_CERTIFICATE: 400,
  EDGE_UNAUTHENTICATED: 401,
  EDGE_FORBIDDEN: 403,
  EDGE_TOKEN: 403,
  EDGE_UNSUPPORTED: 404,
  EDGE_TIMEOUT: 408,
  EDGE_LIMIT: 413,
  EDGE_STORAGE: 503,
};

export type HolderRequestListener = NonNullable<ListenOptions['onRequest']>;

/**
 * Answers POST /v1/join, /v1/trust and /v1/time to anybody who can reach the hub, and POST /v1/renew to those
 * who show a node's certificate; everything else is 404. For the tunnel's listener. Errors are RFC 9457
 * problems with our code.
 */
export function joinHandler(enrolment: Doors, clock: Clock): HolderRequestListener {
  let underWay = 0;
  return (request, response, holder) => {
    // Never an answer without a body limit: one connection, one request.
    response.setHeader('connection', 'close');
    const question = QUESTIONS.get(request.url ?? '');
    if (request.method !== 'POST' || question === undefined) {
      answerProblem(response, new EdgeError('EDGE_UNSUPPORTED', 'There is nothing here.'));
      return;
    }
    if (underWay >= LIMITS.requestsAtOnce) {
      const details = { retryAfterS: 5 };
      answerProblem(response, new EdgeError('EDGE_LIMIT', 'Too many join at once.', { details }));
      return;
    }
    underWay++;
    const from = `${request.socket.remoteAddress ?? '?'}:${request.socket.remotePort ?? 0}`;
    readBody(request, clock)
      .then((bytes) => parseOutsideJson(bytes, LIMITS.bodyBytes))
      .then((body) => question(enrolment, body, { holder, from }))
      .then((answer) => answerJson(response, 200, 'application/json', answer))
      .catch((thrown: unknown) => answerProblem(response, EdgeError.from(thrown)))
      .finally(() => underWay--);
  };
}

/** At most `bodyBytes`, within `bodyMs`. Rejects with EDGE_LIMIT, EDGE_TIMEOUT, EDGE_CONNECTION. */
function readBody(request: IncomingMessage, clock: Clock): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: EdgeError): void => {
      timer.cancel();
      request.removeAllListeners('data');
      request.pause();
      reject(error);
    };
    const timer = clock.setTimer('join body', LIMITS.bodyMs, () =>
      fail(new EdgeError('EDGE_TIMEOUT', 'The body did not arrive in time.')),
    );
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > LIMITS.bodyBytes)
        fail(new EdgeError('EDGE_LIMIT', `A body has at most ${LIMITS.bodyBytes} bytes.`));
      else chunks.push(chunk);
    });
    request.on('end', () => {
      timer.cancel();
      resolve(Buffer.concat(chunks));
    });
    request.on('close', () => fail(new EdgeError('EDGE_CONNECTION', 'The sender went away.')));
    request.on('error', (cause) =>
      fail(new EdgeError('EDGE_CONNECTION', 'The sender went away.', { cause })),
    );
  });
}

function answerProblem(response: ServerResponse, error: EdgeError): void {
  const retryAfterS = retryAfterOf(error);
  const status = retryAfterS === undefined ? (STATUS[error.code] ?? 500) : 429;
  if (retryAfterS !== undefined) response.setHeader('retry-after', retryAfterS);
  answerJson(response, status, 'application/problem+json', {
    type: `urn:edgetwin:error:${error.code}`,
    title: ERROR_CODES[error.code].meaning,
    status,
    // What a defect says may name anything: it stays in the log.
    detail: status === 500 ? 'The hub failed; its log says why.' : error.message,
    code: error.code,
    ...(error.hint === undefined || status === 500 ? {} : { hint: error.hint }),
  });
}

/** Set for what was too often rather than too much. Seconds. */
function retryAfterOf({ details }: EdgeError): number | undefined {
  if (typeof details !== 'object' || details === null || !('retryAfterS' in details)) return;
  return Number(details.retryAfterS);
}

function answerJson(
  response: ServerResponse,
  status: number,
  type: string,
  document: object,
): void {
  if (response.destroyed || response.headersSent) return;
  const body = JSON.stringify(document);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  // What was not read of the request is not waited for.
  response.end(body, () => response.socket?.destroySoon());
}
