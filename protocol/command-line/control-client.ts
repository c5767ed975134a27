import { EdgeError, isErrorCode } from '../errors.js';
import { EventStreamParser } from '../event-stream.js';
import type { ServerEvent } from '../event-stream.js';

/** How a command reaches the running program: the content of its control file. */
export interface ControlFile {
  /** Always on loopback. */
  readonly url: string;
  readonly token: string;
  readonly pid: number;
}

/** The name of the control file in a program's data folder. */
export const CONTROL_FILE = 'control.json';

/** Throws EDGE_NOT_RUNNING for a text that no running program can have written. */
export function parseControlFile(text: string): ControlFile {
  const { url, token, pid } = fieldsOf(parseOrUndefined(text));
  if (typeof url !== 'string' || typeof token !== 'string' || typeof pid !== 'number')
    throw notRunning();
  return { url, token, pid };
}

/** Bytes of one answer that a command reads; pages of devices are far smaller. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;

export interface Answer {
  readonly status: number;
  readonly etag?: string;
  readonly body: unknown;
}

export interface ControlRequest {
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** From the root, encoded. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The command line's client of the running program. A problem document (RFC 9457) comes back as
 * the EdgeError that it describes; no answer at all is EDGE_NOT_RUNNING.
 */
export class ControlClient {
  readonly #control: ControlFile;
  readonly #fetch: typeof globalThis.fetch;

  constructor(control: ControlFile, fetch: typeof globalThis.fetch) {
    this.#control = control;
    this.#fetch = fetch;
  }

  async request(request: ControlRequest): Promise<Answer> {
    const response = await this.#send(request);
    const body = await readBody(response);
    const etag = response.headers.get('etag') ?? undefined;
    return { status: response.status, ...(etag === undefined ? {} : { etag }), body };
  }

  /** Follows a stream of events until it ends or `signal` is aborted. */
  async *events(
    request: string | ControlRequest,
    signal: AbortSignal,
  ): AsyncGenerator<ServerEvent> {
    const asked = typeof request === 'string' ? { path: request } : request;
    const response = await this.#send(asked, signal).catch((error: unknown) => {
      if (signal.aborted) return undefined;
      throw error;
    });
    if (response === undefined) return;
    const parser = new EventStreamParser();
    const decoder = new TextDecoder();
    try {
      for await (const chunk of bytesOf(response))
        yield* parser.push(decoder.decode(chunk, { stream: true }));
    } catch (cause) {
      if (!signal.aborted) throw lost(cause);
    }
  }

  /** The bytes of a large answer, as they come. */
  async *bytes(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const response = await this.#send({ path }, signal);
    try {
      yield* bytesOf(response);
    } catch (cause) {
      throw lost(cause);
    }
  }

  async #send(request: ControlRequest, signal?: AbortSignal): Promise<Response> {
    const { method = 'GET', path, body, headers } = request;
    const response = await this.#reach(`${this.#control.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#control.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.ok) return response;
    throw problemError(response.status, await readBody(response));
  }

  async #reach(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch (cause) {
      throw notRunning(cause);
    }
  }
}

/** The one wording of "nobody answers", with what to do. */
export function notRunning(cause?: unknown): EdgeError {
  return new EdgeError('EDGE_NOT_RUNNING', 'the program is not running on this data folder', {
    cause,
    hint: 'Start it with the command `run`, with the same data folder or configuration file.',
  });
}

function bytesOf(response: Response): AsyncIterable<Uint8Array> {
  return (response.body ?? []) as AsyncIterable<Uint8Array>;
}

async function readBody(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of bytesOf(response)) {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX)
        throw new EdgeError('EDGE_LIMIT', `the answer exceeds ${ANSWER_BYTES_MAX} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof EdgeError ? cause : lost(cause);
  }
  return parseAnswer(chunks, response);
}

function parseAnswer(chunks: readonly Uint8Array[], response: Response): unknown {
  if (chunks.length === 0) return undefined;
  const decoder = new TextDecoder();
  const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join('');
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `the answer ${response.status} is not JSON`;
    throw new EdgeError('EDGE_MALFORMED', message, {
      cause,
      hint: 'Does another program use this port? Restart the program that should run.',
    });
  }
}

/** What a problem document says, as far as its fields are what they should be. */
function problemError(status: number, body: unknown): EdgeError {
  const { code, detail, hint, issues } = fieldsOf(body);
  return new EdgeError(
    typeof code === 'string' && isErrorCode(code) ? code : 'EDGE_PROTOCOL',
    typeof detail === 'string' ? detail : `the program answered with status ${status}`,
    {
      remote: true,
      ...(typeof hint === 'string' ? { hint } : {}),
      ...(Array.isArray(issues) ? { details: { issues: issues as unknown[] } } : {}),
    },
  );
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}

function lost(cause: unknown): EdgeError {
  return new EdgeError('EDGE_CONNECTION', 'the connection to the program was lost', {
    cause,
    hint: 'Is it still running? `status` tells.',
  });
}
