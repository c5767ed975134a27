import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readPrivateFile, writePrivateFile } from '#journal/private-file.js';
import type { Clock, Timer } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import type { ClientCertificate } from './client-certificate.js';
import { CLIENT_FILE, clientFileText, parseClientFile } from './client-file.js';
import type { ClientRecord } from './client-file.js';
import { CLIENT_LIMITS } from './limits.js';

/** The clients of a data folder, by name. Rejects with EDGE_CONFIG, EDGE_STORAGE. */
export async function readClients(dataDir: string): Promise<ReadonlyMap<string, ClientRecord>> {
  const text = await readPrivateFile(join(dataDir, CLIENT_FILE));
  const records = text === undefined ? [] : parseClientFile(Buffer.from(text));
  return new Map(records.map((record) => [record.name, record]));
}

export async function writeClients(
  dataDir: string,
  clients: Iterable<ClientRecord>,
  random: Random,
): Promise<void> {
  await writePrivateFile(join(dataDir, CLIENT_FILE), clientFileText([...clients]), random);
}

/**
 * The clients that the command line adds and removes while the gateway runs: the file is looked at
 * every few seconds. A file that is wrong changes nothing, and is logged.
 */
export class ClientRegistry {
  readonly #dataDir: string;
  readonly #ports: { readonly clock: Clock; readonly log: Log };
  #clients: ReadonlyMap<string, ClientRecord> = new Map();
  #stamp = '';
  #timer: Timer | undefined;
  #stopped = false;
  #changed: (names: ReadonlySet<string>) => void = () => undefined;

  constructor(dataDir: string, ports: { readonly clock: Clock; readonly log: Log }) {
    this.#dataDir = dataDir;
    this.#ports = ports;
  }

  /** Rejects with EDGE_CONFIG for a file that is wrong: a gateway must not start without its rules. */
  async start(): Promise<void> {
    this.#stamp = await this.#look();
    this.#clients = await readClients(this.#dataDir);
    this.#schedule();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** True when there is any client with credentials. */
  get hasClients(): boolean {
    return this.#clients.size > 0;
  }

  get(name: string): ClientRecord | undefined {
    return this.#clients.get(name);
  }

  /** Whose certificate it is: the very one, or one that an authority certified for its subject. */
  holderOf({ fingerprint, subject, isCertified }: ClientCertificate): ClientRecord | undefined {
    const records = [...this.#clients.values()];
    return (
      records.find((record) => record.certificate === fingerprint) ??
      records.find((record) => isCertified && subject !== undefined && record.subject === subject)
    );
  }

  /** Told the names that are new or gone, or whose credential or rights changed. */
  onChanged(changed: (names: ReadonlySet<string>) => void): void {
    this.#changed = changed;
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { clock } = this.#ports;
    this.#timer = clock.setTimer('mqtt clients', CLIENT_LIMITS.lookEveryMs, () => {
      void this.refresh().finally(() => this.#schedule());
    });
  }

  /** Never rejects. */
  async refresh(): Promise<void> {
    try {
      const stamp = await this.#look();
      if (stamp === this.#stamp) return;
      const clients = await readClients(this.#dataDir);
      this.#stamp = stamp;
      const before = this.#clients;
      this.#clients = clients;
      const names = [...new Set([...before.keys(), ...clients.keys()])].filter(
        (name) => JSON.stringify(clients.get(name)) !== JSON.stringify(before.get(name)),
      );
      this.#ports.log.info('mqtt-clients', { clients: clients.size, changed: names.length });
      this.#changed(new Set(names));
    } catch (thrown) {
      this.#ports.log.error('mqtt-clients-not-read', { error: EdgeError.from(thrown) });
    }
  }

  async #look(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(join(this.#dataDir, CLIENT_FILE));
      return `${mtimeMs} ${size} ${ino}`;
    } catch {
      return '';
    }
  }
}
