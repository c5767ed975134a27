import type { Clock } from '#protocol/clock.js';
import type { DeviceId } from '#protocol/device.js';
import { isLoopback } from '#protocol/listen-address.js';
import type { Random } from '#protocol/random.js';
import { isOpenToClients } from './authorizer.js';
import type { Authorizer } from './authorizer.js';
import type { BrokerClient, ConnectRequest, ConnectVerdict } from './broker-port.js';
import type { StoredPassword } from './client-file.js';
import type { ClientCertificate } from './client-certificate.js';
import type { ClientRegistry } from './client-registry.js';
import { ClientRights } from './client-rights.js';
import { CLIENT_LIMITS } from './limits.js';
import { PasswordCheck } from './password-check.js';
import type { PasswordVerdict } from './password-check.js';
import { TokenBucket } from './token-bucket.js';

export interface CredentialAuthorizerOptions {
  readonly clients: Pick<ClientRegistry, 'get' | 'hasClients' | 'holderOf'>;
  /** The client that a device's document names as the one that serves it. */
  readonly clientOf: (device: DeviceId) => string | undefined;
  /** Nobody comes in without credentials, not even from this machine. */
  readonly isRequired: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Clients with a name and a password, or with a certificate, have the rights that they were granted and the client ids
 * that begin with their name; without them only this machine comes in, without TLS, unless that is off too.
 */
export class CredentialAuthorizer implements Authorizer {
  readonly #options: CredentialAuthorizerOptions;
  readonly #passwords: PasswordCheck;
  /** By what they proved; a client that is not in here proved nothing and is of this machine. */
  readonly #names = new WeakMap<BrokerClient, string>();
  /** Attempts by address, the longest unused forgotten first. */
  readonly #attempts = new Map<string, TokenBucket>();

  constructor(options: CredentialAuthorizerOptions) {
    this.#options = options;
    this.#passwords = new PasswordCheck(options.random);
  }

  async connect({ client, password, isIdMadeUp }: ConnectRequest): Promise<ConnectVerdict> {
    const { clients, isRequired } = this.#options;
    const { username, address, secure } = client;
    if (secure?.certificate !== undefined)
      return this.#byCertificate(client, secure.certificate, isIdMadeUp);
    const isLocal = secure === undefined && isLoopback(address);
    if (username === undefined || (isLocal && !isRequired && !clients.hasClients)) {
      if (!isLocal || isRequired) return 'not-authorized';
      return this.#isBound(client.id) ? 'bad-id' : 'accepted';
    }
    if (password === undefined || password.length > CLIENT_LIMITS.passwordBytes)
      return 'bad-credentials';
    const record = clients.get(username);
    const verdict = await this.#judge(address, username, record?.password, password);
    if (verdict === 'busy') return 'unavailable';
    // The file may have changed while the password was judged.
    if (verdict === 'wrong' || record === undefined || clients.get(username) !== record)
      return 'bad-credentials';
    if (!isIdMadeUp && !belongsTo(client.id, username)) return 'bad-id';
    this.#names.set(client, username);
    return 'accepted';
  }

  /** Who shows a certificate is judged by it alone, whatever else was sent. */
  #byCertificate(
    client: BrokerClient,
    certificate: ClientCertificate,
    isIdMadeUp: boolean,
  ): ConnectVerdict {
    const { clients, clock } = this.#options;
    const { username, id } = client;
    const record = clients.holderOf(certificate);
    if (record === undefined || clock.wallTime() > certificate.untilMs) return 'bad-certificate';
    if (username !== undefined && username !== record.name) return 'bad-credentials';
    if (!isIdMadeUp && !belongsTo(id, record.name)) return 'bad-id';
    this.#names.set(client, record.name);
    return 'accepted';
  }

  mayPublish(client: BrokerClient, topic: string): boolean {
    const name = this.#names.get(client);
    if (name === undefined) return isOpenToClients(topic);
    return this.#rightsOf(name)?.mayPublish(topic) ?? false;
  }

  maySubscribe(client: BrokerClient, filter: string): boolean {
    const name = this.#names.get(client);
    return name === undefined || (this.#rightsOf(name)?.maySubscribe(filter) ?? false);
  }

  mayWrite(client: BrokerClient, device: DeviceId): boolean {
    const name = this.#names.get(client);
    return name === undefined || (this.#rightsOf(name)?.mayWrite(device) ?? false);
  }

  /** True when this client came in as one of these. */
  isOneOf(client: BrokerClient, names: ReadonlySet<string>): boolean {
    const name = this.#names.get(client);
    return name !== undefined && names.has(name);
  }

  /** Passwords that were right may not be so any more. */
  forgetPasswords(): void {
    this.#passwords.forget();
  }

  #rightsOf(name: string): ClientRights | undefined {
    const { clients, clientOf } = this.#options;
    const record = clients.get(name);
    return record && new ClientRights(record, (device) => clientOf(device) === name);
  }

  /** Ids of a client with credentials are nobody else's, so that nobody can throw it out. */
  #isBound(id: string): boolean {
    const slash = id.indexOf('/');
    return this.#options.clients.get(slash < 0 ? id : id.slice(0, slash)) !== undefined;
  }

  /** Wrong passwords of an address are limited; what was right before is never refused for them. */
  async #judge(
    address: string,
    name: string,
    stored: StoredPassword | undefined,
    password: Uint8Array,
  ): Promise<PasswordVerdict> {
    if (this.#passwords.isKnown(name, stored, password)) return 'right';
    const bucket = this.#bucketOf(address);
    if (bucket.take(0, this.#options.clock.now()) > 0) return 'busy';
    const verdict = await this.#passwords.check(name, stored, password);
    if (verdict === 'wrong') bucket.take(1, this.#options.clock.now());
    return verdict;
  }

  #bucketOf(address: string): TokenBucket {
    const now = this.#options.clock.now();
    const { attemptsPerSecond, attemptsBurst, attemptAddresses } = CLIENT_LIMITS;
    const bucket =
      this.#attempts.get(address) ?? new TokenBucket(attemptsPerSecond, attemptsBurst, now);
    this.#attempts.delete(address);
    const [oldest] = this.#attempts.keys();
    if (this.#attempts.size >= attemptAddresses && oldest !== undefined)
      this.#attempts.delete(oldest);
    this.#attempts.set(address, bucket);
    return bucket;
  }
}

/** A client's ids: its name, or its name, a slash and anything. */
export function belongsTo(id: string, name: string): boolean {
  return id === name || id.startsWith(`${name}/`);
}
