/** Gateways without devices, as many as wanted, as far as a hub can tell: sockets and a session. */
import { generateKeyPairSync } from 'node:crypto';
import { hostname } from 'node:os';
import { openFileStorage } from '#journal/file-storage.js';
import { openStore } from '#journal/journal-store.js';
import { authorityFolder } from '#cloud/enrolment/authority-care.js';
import { Authority } from '#cloud/enrolment/authority.js';
import { Enrolment } from '#cloud/enrolment/enrolment.js';
import { HubCertificate, hubNames } from '#cloud/enrolment/hub-certificate.js';
import { ENROLMENT_LIMITS } from '#cloud/enrolment/limits.js';
import type { EnrolmentTables } from '#cloud/enrolment/tables.js';
import { helloOf, hex } from '#cloud/cloudhub/machine-bench.js';
import { systemClock } from '#protocol/clock.js';
import { decodeJoinToken } from '#protocol/join.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { SessionCodec } from '#protocol/session-codec.js';
import { certificationRequest } from '#runtime/edgehub/csr.js';
import type { Connection, Identity } from '#tunnel/transport.js';
import { websocketTransport } from '#tunnel/websocket/client.js';

const PORTS = { clock: systemClock, random: systemRandom, log: silentLog };
/** Handshakes under way at once. */
const LANES = 16;

export interface Fleet {
  readonly nodes: readonly Identity[];
  /** What the hub shows as a server, for a peer that is to show the same. */
  readonly hub: { readonly key: string; readonly certificate: string };
  readonly authorities: readonly string[];
}

/** Enrols nodes in the folder of a hub that does not run yet. They share a key: nobody minds here. */
export async function enrolFleet(dataDir: string, size: number): Promise<Fleet> {
  const store = await openStore<EnrolmentTables>(await openFileStorage(dataDir), PORTS);
  const folder = authorityFolder(dataDir);
  const authority = await Authority.open({ folder, ...PORTS });
  const names = hubNames('127.0.0.1', hostname(), []);
  const hub = await new HubCertificate({ authority, folder, names, ...PORTS }).current();
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
  const authorities = [authority.certificate];
  const hubUrl = (): string => 'wss://127.0.0.1:1';
  const nodes: Identity[] = [];
  while (nodes.length < size) {
    // A new one each time: its rate limit is for a network.
    const enrolment = new Enrolment({ store, authority, hubUrl, ...PORTS });
    for (let i = 0; i < ENROLMENT_LIMITS.issuesBurst && nodes.length < size; i++) {
      const node = `idle-${nodes.length}`;
      const { id, secret } = decodeJoinToken((await enrolment.createToken({ node })).token);
      const csr = certificationRequest(privateKey, node).toString('base64');
      const { certificate } = await enrolment.join({ id, secret, csr }, 'bench');
      nodes.push({ key, certificate, authorities });
    }
  }
  await store.close();
  return { nodes, hub, authorities };
}

/** Connections that answer what keeps them alive and say nothing else. */
export class IdleGateways {
  readonly #connections: Connection[] = [];
  readonly #url: string;
  readonly #greets: boolean;
  #lost = 0;

  /** `greets`: the other end is a hub and opens a session; else it only accepts WebSockets. */
  constructor(url: string, greets: boolean) {
    this.#url = url;
    this.#greets = greets;
  }

  /** Resolves when all of them are connected and, at a hub, in a session. */
  async connect(nodes: readonly Identity[]): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let node = nodes[next++]; node !== undefined; node = nodes[next++])
        await this.#connect(node);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /** How many are still there; throws when one was lost, which would flatter the figure. */
  count(): number {
    if (this.#lost > 0) throw new Error(`${this.#lost} connections were lost`);
    return this.#connections.length;
  }

  close(): void {
    for (const connection of this.#connections) connection.close('normal');
  }

  async #connect(identity: Identity): Promise<void> {
    const connection = await websocketTransport(PORTS).connect({ url: this.#url, identity });
    connection.onClose(({ code }) => {
      if (code !== 'normal') this.#lost++;
    });
    const index = this.#connections.push(connection);
    const codec = new SessionCodec();
    await new Promise<void>((resolve) => {
      connection.onMessage((bytes) => {
        if (codec.decode(bytes).message.kind === 'welcome') resolve();
      });
      if (this.#greets)
        connection.send(
          codec.encode(helloOf({ boot: hex(`${index}`), lineage: hex(`a${index}`) })),
          'control',
        );
      else resolve();
    });
  }
}
