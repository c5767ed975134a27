import { EdgeError } from '#protocol/errors.js';
import { ROOTS_MAX } from '#protocol/join.js';
import type { JoinRequest, RenewRequest, TimeRequest, TrustRequest } from '#protocol/join.js';
import { ENROLMENT_LIMITS } from './limits.js';

const SHAPES: Readonly<Record<keyof JoinRequest, RegExp>> = {
  id: /^[0-9a-f]{16}$/,
  secret: /^[0-9a-f]{32}$/,
  csr: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
};

const CSR_CHARS = Math.ceil(ENROLMENT_LIMITS.csrBytes / 3) * 4;

/** Reads what a stranger sent as the body of a join. Throws EDGE_MALFORMED or EDGE_LIMIT. */
export function readJoinRequest(body: unknown): JoinRequest {
  const read = readerOf(body);
  return { id: read('id'), secret: read('secret'), csr: read('csr') };
}

/** Reads what a node sent as the body of a renewal. Throws EDGE_MALFORMED or EDGE_LIMIT. */
export function readRenewRequest(body: unknown): RenewRequest {
  return { csr: readerOf(body)('csr') };
}

/** Reads which roots somebody says to have. Throws EDGE_MALFORMED. */
export function readTrustRequest(body: unknown): TrustRequest {
  const fields = new Map(typeof body === 'object' && body !== null ? Object.entries(body) : []);
  const pins: unknown = fields.get('pins');
  const isPin = (pin: unknown): pin is string => typeof pin === 'string' && PIN.test(pin);
  if (Array.isArray(pins) && pins.length <= ROOTS_MAX && pins.every(isPin)) return { pins };
  throw new EdgeError('EDGE_MALFORMED', '"pins" is no short list of hashes.');
}

/** Reads the nonce of a question for the time. Throws EDGE_MALFORMED. */
export function readTimeRequest(body: unknown): TimeRequest {
  const nonce: unknown = new Map(
    typeof body === 'object' && body !== null ? Object.entries(body) : [],
  ).get('nonce');
  if (typeof nonce === 'string' && SHAPES.secret.test(nonce)) return { nonce };
  throw new EdgeError('EDGE_MALFORMED', '"nonce" is not 32 hexadecimal digits.');
}

const PIN = /^[0-9a-f]{64}$/;

function readerOf(body: unknown): (name: keyof JoinRequest) => string {
  const fields = new Map(typeof body === 'object' && body !== null ? Object.entries(body) : []);
  return (name) => {
    const value: unknown = fields.get(name);
    if (typeof value !== 'string')
      throw new EdgeError('EDGE_MALFORMED', `"${name}" is missing, or no text.`);
    if (value.length > CSR_CHARS) throw new EdgeError('EDGE_LIMIT', `"${name}" is too long.`);
    if (!SHAPES[name].test(value))
      throw new EdgeError('EDGE_MALFORMED', `"${name}" is not what it should be.`);
    return value;
  };
}
