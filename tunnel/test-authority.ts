import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import type { Identity } from './transport.js';

/** What a certificate for tests says. Times are milliseconds since 1970. */
export interface TestCertificate {
  /** Subject alternative names: `urn:...` becomes a URI, an address an IP, all else a DNS name. */
  readonly names: readonly string[];
  readonly usage?: 'client' | 'server';
  readonly fromMs?: number;
  readonly untilMs?: number;
  readonly isAuthority?: boolean;
}

/** An authority for tests: real P-256 certificates (RFC 5280) in as little DER as they need. */
export class TestAuthority {
  readonly certificate: string;
  readonly #name: string;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  #serial = 1;

  /** SHA-256 of the public key (SPKI, DER), hexadecimal. */
  get pin(): string {
    const spki = this.#keys.publicKey.export({ format: 'der', type: 'spki' });
    return createHash('sha256').update(spki).digest('hex');
  }

  constructor(name = 'test authority') {
    this.#name = name;
    this.certificate = this.certify(this.#keys.publicKey, name, { names: [], isAuthority: true });
  }

  /** A new key with its certificate; the chain holds the authority, which is also trusted. */
  issue(wanted: TestCertificate): Identity {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return {
      key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
      certificate: this.certify(publicKey, wanted.names[0] ?? '', wanted) + this.certificate,
      authorities: [this.certificate],
    };
  }

  node(name: string): Identity {
    return this.issue({ names: [`urn:edgetwin:node:${name}`], usage: 'client' });
  }

  hub(...names: string[]): Identity {
    return this.issue({ names: ['localhost', '127.0.0.1', ...names], usage: 'server' });
  }

  sign(text: Uint8Array): Buffer {
    return sign('sha256', text, this.#keys.privateKey);
  }

  get publicKey(): KeyObject {
    return this.#keys.publicKey;
  }

  /** The certificate of a key that somebody else made, PEM. */
  certify(publicKey: KeyObject, subject: string, wanted: TestCertificate): string {
    const body = der(
      0x30,
      der(0xa0, integer(2)),
      integer(this.#serial++),
      ECDSA_SHA256,
      commonName(this.#name),
      der(0x30, time(wanted.fromMs ?? 0), time(wanted.untilMs ?? Date.UTC(2049, 0, 1))),
      commonName(subject),
      publicKey.export({ format: 'der', type: 'spki' }),
      der(0xa3, der(0x30, ...this.#extensions(wanted))),
    );
    const signature = sign('sha256', body, this.#keys.privateKey);
    const bytes = der(0x30, body, ECDSA_SHA256, der(0x03, Buffer.of(0), signature));
    const lines =
      bytes
        .toString('base64')
        .match(/.{1,64}/g)
        ?.join('\n') ?? '';
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  }

  #extensions({ names, usage, isAuthority }: TestCertificate): Buffer[] {
    const basic = isAuthority === true ? der(0x30, der(0x01, Buffer.of(0xff))) : der(0x30);
    const extensions = [extension('551d13', basic)];
    if (usage !== undefined) {
      const purpose = usage === 'server' ? '2b06010505070301' : '2b06010505070302';
      extensions.push(extension('551d25', der(0x30, oid(purpose))));
    }
    if (names.length > 0) extensions.push(extension('551d11', der(0x30, ...names.map(altName))));
    return extensions;
  }
}

/** One element of DER: tag, length, contents. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const size: number[] = [];
  for (let rest = content.length; rest > 0; rest >>>= 8) size.unshift(rest & 0xff);
  const head = content.length < 0x80 ? [content.length] : [0x80 | size.length, ...size];
  return Buffer.concat([Buffer.of(tag, ...head), content]);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function integer(value: number): Buffer {
  return der(0x02, Buffer.of(value));
}

const ECDSA_SHA256 = der(0x30, oid('2a8648ce3d040302'));

function commonName(name: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(name)))));
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return der(0x17, Buffer.from(digits.slice(2)));
}

function extension(id: string, value: Buffer): Buffer {
  return der(0x30, oid(id), der(0x04, value));
}

function altName(name: string): Buffer {
  if (name.startsWith('urn:')) return der(0x86, Buffer.from(name));
  if (isIP(name) === 4) return der(0x87, Buffer.from(name.split('.').map(Number)));
  return der(0x82, Buffer.from(name));
}

/** SHA-256 of the certificate in hexadecimal, as a Peer shows it. */
export function fingerprintOf(pem: string): string {
  const base64 = /BEGIN CERTIFICATE-----([^-]+)/.exec(pem)?.[1] ?? '';
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('hex');
}
