import { EdgeError } from './errors.js';
import { isNodeName, NODE_NAME } from './name.js';
import { parseOutsideJson } from './outside-json.js';

/** What a gateway needs to join one hub once, in one line of text. */
export interface JoinToken {
  /** `wss://host:port`. */
  readonly hub: string;
  /** SHA-256 of the public key (SPKI, DER) of the hub's authority, 64 hexadecimal digits. */
  readonly pin: string;
  /** 16 hexadecimal digits, under which the hub keeps the token; no secret. */
  readonly id: string;
  /** 128 bits as 32 hexadecimal digits. */
  readonly secret: string;
  /** The only node that may use it. */
  readonly node: string;
}

/** The body of POST /v1/join. */
export interface JoinRequest {
  /** Token id. */
  readonly id: string;
  readonly secret: string;
  /** PKCS#10 in DER, base64. Only its public key counts. */
  readonly csr: string;
}

/** The body of POST /v1/renew, by a node that shows its present certificate, lapsed or not. */
export interface RenewRequest {
  /** PKCS#10 in DER, base64, of a new key. Only that key counts. */
  readonly csr: string;
}

/** The answer to both; errors are RFC 9457 problems with our code. */
export interface JoinAnswer {
  readonly node: string;
  /** PEM of the node's certificate and of the hub's authority. */
  readonly certificate: string;
  readonly authority: string;
}

/** The body of POST /v1/trust: which roots the asking gateway has on its disk. */
export interface TrustRequest {
  /** SHA-256 of their public keys (SPKI, DER), 64 hexadecimal digits each. */
  readonly pins: readonly string[];
}

/** Which roots it should trust from now on. PEM. */
export interface TrustAnswer {
  readonly roots: readonly string[];
  /** Certificates of later roots by the roots before them: no root is taken on the hub's word. */
  readonly links: readonly string[];
}

/** The body of POST /v1/time, by a gateway whose clock says that the hub's certificate has expired. */
export interface TimeRequest {
  /** 128 random bits, 32 hexadecimal digits. */
  readonly nonce: string;
}

export interface TimeAnswer {
  /** Milliseconds since 1970 by the hub's clock. */
  readonly wallMs: number;
  /** Of `timeStatement`, ECDSA with SHA-256 by the authority that issues, DER, base64. */
  readonly signature: string;
}

/** What the authority signs: nobody can have had it signed before. */
export function timeStatement(nonce: string, wallMs: number): Uint8Array {
  return new TextEncoder().encode(`edgetwin time ${nonce} ${wallMs}`);
}

export const JOIN_PATH = '/v1/join';
export const RENEW_PATH = '/v1/renew';
export const TRUST_PATH = '/v1/trust';
export const TIME_PATH = '/v1/time';

/** More roots than these no gateway keeps: the present one, the next, and some to spare. */
export const ROOTS_MAX = 4;

/** Characters: an address of at most 253 characters and the other fields, in base64. */
export const JOIN_TOKEN_CHARS = 1_024;

const PREFIX = 'edgetwin1.';
const SHAPES: Readonly<Record<keyof JoinToken, RegExp>> = {
  hub: /^wss:\/\/(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/,
  pin: /^[0-9a-f]{64}$/,
  id: /^[0-9a-f]{16}$/,
  secret: /^[0-9a-f]{32}$/,
  node: NODE_NAME,
};

export function encodeJoinToken({ hub, pin, id, secret, node }: JoinToken): string {
  const json = JSON.stringify({ hub, pin, id, secret, node });
  return PREFIX + Buffer.from(json).toString('base64url');
}

/** White space around it is ignored. Throws EDGE_TOKEN for anything that is not a token. */
export function decodeJoinToken(text: string): JoinToken {
  const trimmed = text.length <= 2 * JOIN_TOKEN_CHARS ? text.trim() : text;
  const encoded = trimmed.slice(PREFIX.length);
  if (!trimmed.startsWith(PREFIX) || trimmed.length > JOIN_TOKEN_CHARS)
    throw bad('it does not begin with edgetwin1. or is too long');
  if (!/^[A-Za-z0-9_-]+$/.test(encoded)) throw bad('it has characters that no token has');
  const fields = parse(encoded);
  const read = (name: keyof JoinToken): string => {
    const value = fields.get(name);
    if (typeof value !== 'string' || !SHAPES[name].test(value)) throw bad(`its ${name} is wrong`);
    return value;
  };
  const token = {
    hub: read('hub'),
    pin: read('pin'),
    id: read('id'),
    secret: read('secret'),
    node: read('node'),
  };
  if (!isNodeName(token.node)) throw bad('its node is no node name');
  if (!URL.canParse(token.hub)) throw bad('its hub is no address');
  return token;
}

function parse(encoded: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = parseOutsideJson(Buffer.from(encoded, 'base64url'), JOIN_TOKEN_CHARS);
  } catch (cause) {
    throw bad('it is damaged or cut off', cause);
  }
  if (typeof value !== 'object' || value === null) throw bad('it is damaged');
  return new Map(Object.entries(value));
}

function bad(why: string, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_TOKEN', `This is no join token: ${why}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Copy the whole line that the hub printed, or make a new token there.',
  });
}
