import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { systemClock, type Clock } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import { silentLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { codedTransport } from '#tunnel/coded/endpoint/client.js';
import { listenCoded } from '#tunnel/coded/endpoint/listener.js';
import { openBoth } from '#tunnel/double-door.js';
import type { Identity, ListenOptions, NodeListener, Transport } from '#tunnel/transport.js';
import { websocketTransport } from '#tunnel/websocket/client.js';
import { listenWebsocket } from '#tunnel/websocket/listener.js';
import { join, loadIdentity } from '#runtime/edgehub/join.js';
import type { NodeIdentity } from '#runtime/edgehub/identity-files.js';
import { Authority } from '#cloud/enrolment/authority.js';
import { AuthorityCare } from '#cloud/enrolment/authority-care.js';
import { PkiWatch } from '#cloud/enrolment/pki-watch.js';
import { Enrolment } from '#cloud/enrolment/enrolment.js';
import { HubCertificate, hubNames } from '#cloud/enrolment/hub-certificate.js';
import { joinHandler } from '#cloud/enrolment/join-handler.js';
import type { EnrolmentTables } from '#cloud/enrolment/tables.js';

interface Teardown {
  teardown(undo: () => unknown): void;
}

/** The hub's two doors as the program composes them: authority, enrolment, both listeners. */
export interface HubDoor {
  readonly listener: NodeListener;
  readonly enrolment: Enrolment;
  readonly authority: Authority;
  readonly care: AuthorityCare;
  /** What it shows as a server. */
  readonly shown: Pick<Identity, 'key' | 'certificate'>;
  readonly pki: string;
  /** The running hub's look for an authority that changed. */
  readonly look: () => Promise<void>;
  readonly url: string;
  /** A gateway's folder that has joined as this node. */
  readonly joined: (node: string) => Promise<NodeIdentity & { readonly dataDir: string }>;
  /** Names of those that were let in. */
  readonly peers: readonly string[];
  /** Everything that the hub logged: event and fields. */
  readonly logged: { readonly event: string; readonly fields: unknown }[];
}

export async function folder(t: Teardown): Promise<string> {
  const path = await mkdtemp(joinPath(tmpdir(), 'identity-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

export async function openDoor(
  t: Teardown,
  clock: Clock = systemClock,
  lapsedMs?: number,
  more: Partial<ListenOptions> = {},
): Promise<HubDoor> {
  const logged: HubDoor['logged'] = [];
  const record = (event: string, fields?: unknown): void => void logged.push({ event, fields });
  const log: Log = {
    ...silentLog,
    ...{ debug: record, info: record, warn: record, error: record, child: () => log },
  };
  const shared = { clock, random: systemRandom, log };
  const pki = await folder(t);
  const authority = await Authority.open({ folder: pki, ...shared });
  const names = hubNames('127.0.0.1', 'hub');
  const certificate = new HubCertificate({ authority, folder: pki, names, ...shared });
  const store = await openStore<EnrolmentTables>(new MemoryStorage(), shared);
  let url = '';
  const enrolment = new Enrolment({
    ...{ store, authority, hubUrl: () => url, ...shared },
    ...(lapsedMs === undefined ? {} : { lapsedMs }),
  });
  const identity = await certificate.current();
  const options = {
    listen: { host: '127.0.0.1', port: 0 },
    identity,
    clientAuthorities: authority.clientAuthorities,
    admit: enrolment.isNodeAllowed.bind(enrolment),
    ...{ ...shared, clock: systemClock },
    ...more,
  };
  const listener = await openBoth(
    listenWebsocket({ ...options, onRequest: joinHandler(enrolment, systemClock) }),
    (port) => listenCoded({ ...options, listen: { host: '127.0.0.1', port } }),
  );
  t.teardown(() => listener.close());
  const peers: string[] = [];
  listener.onConnection((connection) => {
    peers.push(connection.peer.name);
    connection.onMessage((message) => connection.send(message, 'control'));
    connection.onClose(() => undefined);
  });
  url = `wss://${listener.address}`;
  const joined: HubDoor['joined'] = async (node) => {
    const dataDir = await folder(t);
    const { token } = await enrolment.createToken({ node });
    await join({ token, dataDir, node, clock });
    const identity = await loadIdentity(dataDir);
    if (identity === undefined) throw new Error(`${node} did not join`);
    return { ...identity, dataDir };
  };
  const watch = new PkiWatch({ authority, certificate, clock, log }, identity, (changed) => {
    listener.setAuthorities(authority.clientAuthorities);
    listener.setIdentity(changed);
  });
  const look = (): Promise<void> => watch.look();
  const care = new AuthorityCare({ folder: pki, ...shared });
  const door = { listener, enrolment, authority, care, shown: identity };
  return { ...door, pki, look, url, joined, logged, peers };
}

const ports = { clock: systemClock, random: systemRandom, log: silentLog };

export const TRANSPORTS: readonly Transport[] = [websocketTransport(ports), codedTransport(ports)];
