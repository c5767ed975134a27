import { createHash, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '#protocol/clock.js';
import { EdgeError, isErrorCode } from '#protocol/errors.js';
import type { JoinAnswer } from '#protocol/join.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import { certifiedHub, type Identity } from '#tunnel/transport.js';
import { JOIN_LIMITS as LIMITS } from './join-limits.js';

/** A question to a hub about a certificate. */
export interface HubQuestion {
  /** `wss://host:port`. */
  readonly hub: string;
  /** SHA-256 of the public key of the authority that the hub must show. */
  readonly pin: string;
  readonly path: string;
  readonly body: object;
  /** Shown to the hub, when there is one already. */
  readonly present?: Pick<Identity, 'key' | 'certificate'>;
}

/**
 * Asks a hub for a certificate. The hub proves itself by the pin before it is told anything.
 * Rejects with EDGE_CERTIFICATE (another hub), EDGE_CONNECTION, EDGE_TIMEOUT, EDGE_MALFORMED, or
 * what the hub refused it with.
 */
export async function askHub(question: HubQuestion, clock: Clock): Promise<JoinAnswer> {
  const { hub, pin, path, body, present } = question;
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
    ...(present === undefined ? {} : { key: present.key, cert: present.certificate }),
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['http/1.1'],
    // Judged below, fact by fact, because a wrong clock would hide every other error.
    rejectUnauthorized: false,
  });
  socket.on('error', () => undefined);
  ended.signal.addEventListener('abort', () => socket.destroy());
  try {
    await once(socket, 'secureConnect', { signal: ended.signal });
    requirePin(socket, pin, host, clock.wallTime());
    const response = await post(socket, { host, path }, JSON.stringify(body), ended.signal);
    return readAnswer(response.statusCode ?? 0, await readBody(response));
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

/** Throws EDGE_CERTIFICATE unless the chain holds the pinned authority and it names this host. */
function requirePin(socket: TLSSocket, pin: string, host: string, nowMs: number): void {
  const certificate = socket.getPeerX509Certificate();
  const authority = chainOf(certificate).find((shown) => pinOf(shown) === pin);
  if (certificate === undefined || authority === undefined)
    throw new EdgeError('EDGE_CERTIFICATE', 'This is not the hub that this gateway expects.', {
      hint: 'Somebody may be in between, or the hub was set up anew. Nothing secret was sent.',
    });
  certifiedHub(certificate, [authority], host, nowMs);
}

function chainOf(certificate: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let next = certificate; next !== undefined; next = next.issuerCertificate) {
    if (chain.length === LIMITS.chainCertificates) break;
    chain.push(next);
  }
  return chain;
}

/** SHA-256 of the public key (SPKI, DER), hexadecimal. */
export function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('hex');
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

function readAnswer(status: number, body: Buffer): JoinAnswer {
  const fields = fieldsOf(body);
  const text = (name: string): string | undefined => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const [node, certificate, authority] = ['node', 'certificate', 'authority'].map(text);
  if (status !== 200) throw refusal(status, text('code'), text('detail'), text('hint'));
  if (node === undefined || certificate === undefined || authority === undefined)
    throw new EdgeError('EDGE_MALFORMED', 'The hub’s answer lacks what a node needs.');
  return { node, certificate, authority };
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
