import { EdgeError } from '#protocol/errors.js';
import { isDeviceId, isName } from '#protocol/name.js';
import { parseOutsideJson } from '#protocol/outside-json.js';
import { isCommonName } from './client-certificate.js';
import type { ClientGrant } from './client-rights.js';
import { CLIENT_LIMITS, DEFAULT_LIMITS } from './limits.js';
import { isTopicFilter } from './topic-filter.js';

/** In the data folder, mode 0600. */
export const CLIENT_FILE = 'mqtt-clients.json';

/** scrypt (RFC 7914): cost, block size, parallelism; salt and hash in base64. */
export interface StoredPassword {
  readonly n: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly hash: string;
}

/** How a client proves who it is: exactly one of the three. */
export interface ClientCredential {
  readonly password?: StoredPassword;
  /** SHA-256 of its certificate, 64 hexadecimal digits. */
  readonly certificate?: string;
  /** Common name in the certificates that an authority of `broker.tls` gives it. */
  readonly subject?: string;
}

export interface ClientRecord extends ClientGrant, ClientCredential {
  /** Wall time, milliseconds since 1970. */
  readonly created: number;
}

/** Lower case, so that no two names look alike; no slash: `name/anything` are its client ids. */
export function isClientName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,62}$/.test(name);
}

/** `namespace/name`, `namespace/*` or `*`. */
export function isDevicePattern(pattern: string): boolean {
  if (pattern === '*' || isDeviceId(pattern)) return true;
  return pattern.endsWith('/*') && isName(pattern.slice(0, -2));
}

/** An application topic, with wildcards behind its first level. */
export function isClientTopic(filter: string): boolean {
  return !filter.startsWith('$') && isTopicFilter(filter, DEFAULT_LIMITS);
}

/** Throws EDGE_CONFIG: a file that cannot be read lets nobody in. */
export function parseClientFile(bytes: Uint8Array): readonly ClientRecord[] {
  const clients = field(parseOutsideJson(bytes, CLIENT_LIMITS.fileBytes), 'clients');
  if (!Array.isArray(clients) || clients.length > CLIENT_LIMITS.clients) throw wrong('clients');
  const records = clients.map(clientOf);
  const names = new Set(records.map(({ name }) => name));
  if (names.size !== records.length) throw wrong('clients: a name twice');
  for (const kind of ['certificate', 'subject'] as const)
    if (hasTwice(records.map((record) => record[kind]))) throw wrong(`clients: a ${kind} twice`);
  return records;
}

export function clientFileText(clients: readonly ClientRecord[]): string {
  return `${JSON.stringify({ clients }, undefined, 2)}\n`;
}

function clientOf(value: unknown): ClientRecord {
  const name = field(value, 'name');
  const devices = field(value, 'devices');
  const topics = field(value, 'topics');
  const write = field(value, 'write');
  const created = field(value, 'created');
  if (typeof name !== 'string' || !isClientName(name)) throw wrong('name');
  if (!isListOf(devices, isDevicePattern)) throw wrong(`devices of ${name}`);
  if (!isListOf(topics, isClientTopic)) throw wrong(`topics of ${name}`);
  if (typeof write !== 'boolean' || typeof created !== 'number') throw wrong(`write of ${name}`);
  return { name, devices, write, topics, ...credentialOf(value, name), created };
}

function credentialOf(value: unknown, name: string): ClientCredential {
  const [certificate, subject] = [field(value, 'certificate'), field(value, 'subject')];
  const given = [field(value, 'password'), certificate, subject];
  if (given.filter((one) => one !== undefined).length !== 1) throw wrong(`credential of ${name}`);
  if (certificate === undefined && subject === undefined)
    return { password: passwordOf(value, name) };
  if (typeof certificate === 'string' && isFingerprint(certificate)) return { certificate };
  if (typeof subject === 'string' && isCommonName(subject)) return { subject };
  throw wrong(`certificate of ${name}`);
}

/** SHA-256 in hexadecimal. */
export function isFingerprint(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function hasTwice(values: readonly (string | undefined)[]): boolean {
  const given = values.filter((value) => value !== undefined);
  return new Set(given).size !== given.length;
}

function passwordOf(value: unknown, name: string): StoredPassword {
  const password = field(value, 'password');
  const [n, r, p] = [field(password, 'n'), field(password, 'r'), field(password, 'p')];
  const [salt, hash] = [field(password, 'salt'), field(password, 'hash')];
  // What is larger would cost memory at each CONNECT.
  if (!isCost(n, CLIENT_LIMITS.scryptN) || (n & (n - 1)) !== 0) throw wrong(`password of ${name}`);
  if (!isCost(r, CLIENT_LIMITS.scryptR) || !isCost(p, 1)) throw wrong(`password of ${name}`);
  if (!isBase64(salt) || !isBase64(hash)) throw wrong(`password of ${name}`);
  return { n, r, p, salt, hash };
}

function isCost(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most;
}

function isBase64(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9+/]{16,128}={0,2}$/.test(value);
}

function isListOf(value: unknown, is: (text: string) => boolean): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= CLIENT_LIMITS.grants &&
    value.every((one) => typeof one === 'string' && is(one))
  );
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

function wrong(what: string): EdgeError {
  return new EdgeError('EDGE_CONFIG', `${CLIENT_FILE} is wrong: ${what}`, {
    hint: 'Write it with `edgetwin client add` and `edgetwin client remove`.',
  });
}
