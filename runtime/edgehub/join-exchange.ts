import { createHash, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '#protocol/clock.js';
import { EdgeError, isErrorCode } from '#protocol/errors.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import { certifiedHub, shownWith, spkiOf, tlsKeyOf, type Identity } from '#tunnel/transport.js';
import { JOIN_LIMITS as LIMITS } from './join-limits.js';

/** A question to a hub. */
export interface HubQuestion {
  /** `wss://host:port`. */
  readonly hub: string;
  readonly trust: HubTrust;
  readonly path: string;
  readonly body: object;
  /** Shown to the hub, when there is one already. */
  readonly present?: Pick<Identity, 'key' | 'certificate'>;
}

/** By which roots to judge the hub: those that are kept, or one that it shows and a token pins. */
export type HubTrust =
  | { readonly roots: readonly X509Certificate[] }
  /** SHA-256 of the public key of the root. */
  | { readonly pin: string };

export interface HubAnswer {
  readonly fields: ReadonlyMap<string, unknown>;
  /** What the hub proved itself by, with what it showed behind it. */
  readonly certificate: X509Certificate;
}

/**
 * Asks a hub, which proves itself before it is told anything. `nowMs` is the time by which it is
 * judged, milliseconds since 1970. Rejects with EDGE_CERTIFICATE (another hub, or an `Expiry`),
 * EDGE_CONNECTION, EDGE_TIMEOUT, EDGE_MALFORMED, or what the hub refused it with.
 */
export async function askHub(
  question: HubQuestion,
  clock: Clock,
  nowMs: number,
): Promise<HubAnswer> {
  const { hub, trust, path, body, present } = question;
  const ended = new AbortController();
  const timer = clock.setTimer('join', LIMITS.joinMs, () =>
    ended.abort(new EdgeError('EDGE_TIMEOUT', 'The hub did not answer in time.')),
  );
  const url = new URL(hub);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const socket = connect({
    host,
    port: url.port === '' ? 443 : Number(url.port),
    ...(isIP(host) > 0 ? {} : { servername: host }),
    ...(present === undefined ? {} : { ...tlsKeyOf(present.key), cert: present.certificate }),
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    // Judged below, fact by fact, because a wrong clock would hide every other error.
    rejectUnauthorized: false,
  });
  socket.on('error', () => undefined);
  ended.signal.addEventListener('abort', () => socket.destroy());
  try {
    await once(socket, 'secureConnect', { signal: ended.signal });
    const certificate = judgeHub(socket, trust, host, nowMs);
    const response = await post(socket, { host, path }, JSON.stringify(body), ended.signal);
    const fields = readAnswer(response.statusCode ?? 0, await readBody(response));
    return { fields, certificate };
  } catch (cause) {
    ended.signal.throwIfAborted();
    if (cause instanceof EdgeError) throw cause;
    throw new EdgeError('EDGE_CONNECTION', `${hub} cannot be reached.`, {
      cause,
      hint: 'Is the address right, and the hub running? A token stays good; try again.',
    });
  } finally {
    timer.cancel();
    socket.destroy();
  }
}

/** A text of an answer. Throws EDGE_MALFORMED. */
export function textOf({ fields }: HubAnswer, name: string): string {
  const value = fields.get(name);
  if (typeof value === 'string') return value;
  throw new EdgeError('EDGE_MALFORMED', 'The hub’s answer lacks what a node needs.');
}

/** The roots by which this hub is judged: for a pin, the one that it showed. */
export function rootsOf(trust: HubTrust, certificate: X509Certificate): readonly X509Certificate[] {
  if ('roots' in trust) return trust.roots;
  return shownWith(certificate).filter((shown) => pinOf(shown) === trust.pin);
}

/** Throws EDGE_CERTIFICATE unless an authority under these roots certified it for this host. */
function judgeHub(
  socket: TLSSocket,
  trust: HubTrust,
  host: string,
  nowMs: number,
): X509Certificate {
  const certificate = socket.getPeerX509Certificate();
  const roots = certificate === undefined ? [] : rootsOf(trust, certificate);
  if (certificate === undefined || roots.length === 0)
    throw new EdgeError('EDGE_CERTIFICATE', 'This is not the hub that this gateway expects.', {
      hint: 'Somebody may be in between, or the hub was set up anew. Nothing secret was sent.',
    });
  certifiedHub(certificate, roots, host, nowMs);
  return certificate;
}

/** SHA-256 of the public key (SPKI, DER), hexadecimal. */
export function pinOf(certificate: X509Certificate): string {
  return createHash('sha256').update(spkiOf(certificate)).digest('hex');
}

async function post(
  socket: TLSSocket,
  target: { readonly host: string; readonly path: string },
  body: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const outgoing = request({
    createConnection: () => socket,
    method: 'POST',
    ...target,
    maxHeaderSize: LIMITS.headerBytes,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    },
  });
  outgoing.on('error', () => undefined).end(body);
  const [response] = (await once(outgoing, 'response', { signal })) as [IncomingMessage];
  return response;
}

async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LIMITS.answerBytes)
      throw new EdgeError('EDGE_LIMIT', 'The hub’s answer is too long.', {
        hint: 'This is no hub, or one that is broken.',
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function readAnswer(status: number, body: Buffer): ReadonlyMap<string, unknown> {
  const fields = fieldsOf(body);
  if (status === 200) return fields;
  const [code, detail, hint] = ['code', 'detail', 'hint'].map((name) => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : undefined;
  });
  throw refusal(status, code, detail, hint);
}

/** What is no JSON is no answer either; a proxy's error page still has its status. */
function fieldsOf(body: Buffer): ReadonlyMap<string, unknown> {
  try {
    const value = parseOutsideJson(body, LIMITS.answerBytes);
    return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  } catch {
    return new Map();
  }
}

function refusal(status: number, code = '', detail?: string, hint?: string): EdgeError {
  const said = detail?.slice(0, LIMITS.detailChars) ?? `it answered ${status}`;
  return new EdgeError(
    isErrorCode(code) ? code : 'EDGE_CONNECTION',
    `The hub refused: ${said}`,
    hint === undefined ? {} : { hint: hint.slice(0, LIMITS.detailChars) },
  );
}
