import { hostname } from 'node:os';
import { join } from 'node:path';
import { backupOfStore } from '#journal/backup.js';
import { openFileStorage } from '#journal/file-storage.js';
import { lockFolder } from '#journal/folder-lock.js';
import { openStore } from '#journal/journal-store.js';
import { Flash } from '#journal/flash.js';
import { finishRestore } from '#journal/restore.js';
import type { SeriesTables } from '#journal/series-tables.js';
import { tablesOf } from '#journal/store.js';
import type { Clock } from '#protocol/clock.js';
import { sayExposed } from '#protocol/exposure.js';
import { isLoopback, parseListenAddress } from '#protocol/listen-address.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { Teardown } from '#protocol/teardown.js';
import { isoTime } from '#protocol/twin-document.js';
import type { ListenForNodes, NodeListener, TrustedProxy } from '#tunnel/transport.js';
import type { OperatorTables } from './api/operators.js';
import { Operators } from './api/operators.js';
import { ApiServer } from './api/server.js';
import { audited } from './audit/audited-store.js';
import { AuditTrail } from './audit/audit-trail.js';
import { forgedEntry, Refusals } from './audit/refusals.js';
import type { AuditTables } from './audit/tables.js';
import { CloudHub } from './cloudhub/cloud-hub.js';
import { CommandDesk } from './commands/command-desk.js';
import { readUptime } from '#journal/os-uptime.js';
import { DeviceDesk } from './devicecontroller/device-desk.js';
import { DeviceController } from './devicecontroller/device-controller.js';
import { Authority } from './enrolment/authority.js';
import { AuthorityCare, authorityFolder } from './enrolment/authority-care.js';
import { Enrolment } from './enrolment/enrolment.js';
import { HubCertificate, hubNames } from './enrolment/hub-certificate.js';
import { EnrolmentDesk } from './enrolment/identity-desk.js';
import { IssuingKeeper } from './enrolment/issuing-keeper.js';
import { PkiWatch } from './enrolment/pki-watch.js';
import type { SuppliedFiles } from './enrolment/supplied-certificate.js';
import { joinHandler } from './enrolment/join-handler.js';
import type { EnrolmentTables } from './enrolment/tables.js';
import { ForwardDesk, type Forwarder } from './forwards/forward-desk.js';
import { forwardMetrics } from './forwards/forward-metrics.js';
import { authorityMetrics, healthOf } from './authority-health.js';
import { doorMetrics } from './door-metrics.js';
import { hubMetrics } from './hub-metrics.js';
import { HistoryDesk } from './history/history-desk.js';
import { NodeHistories } from './history/node-histories.js';
import { HUB_LIMITS } from './limits.js';
import { EmbeddedHubStore } from './store/embedded-hub-store.js';
import type { HubTables } from './store/tables.js';

export interface HubOptions {
  readonly dataDir: string;
  /** `HOST:PORT` for gateways; port 0: any. */
  readonly listen: string;
  /** `HOST:PORT` for operators. Plain HTTP on loopback, HTTPS elsewhere. */
  readonly api: string;
  /** Further names that gateways reach this hub by; the first goes into join tokens. */
  readonly names: readonly string[];
  /** Key and chain of another authority, for both doors. Absent: the hub's own authority. */
  readonly supplied?: SuppliedFiles | undefined;
  /** So long after its end a node may renew its certificate by its key, milliseconds. */
  readonly lapsedMs?: number | undefined;
  /** Proxies that may say whose certificate they saw. */
  readonly trustedProxies?: readonly TrustedProxy[];
}

export interface HubPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly software: string;
  /** The transport's listening side. */
  readonly listen: ListenForNodes;
  /** Absent: nothing can be forwarded through gateways. */
  readonly forwarder?: () => Promise<Forwarder>;
}

/** A running hub. */
export interface HubProgram {
  /** `host:port` for gateways. */
  readonly listenAddress: string;
  readonly apiUrl: string;
  stop(): Promise<void>;
}

type AllTables = HubTables & SeriesTables & EnrolmentTables & OperatorTables;

/**
 * Puts the hub together and starts it. Rejects with EDGE_LOCKED, EDGE_STORAGE(_CORRUPT),
 * EDGE_CERTIFICATE, EDGE_USAGE or EDGE_CONFIG (addresses); then nothing is left running.
 */
export async function startHub(options: HubOptions, ports: HubPorts): Promise<HubProgram> {
  const teardown = new Teardown(ports.log);
  try {
    return await start(options, ports, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function start(
  { dataDir, listen, api, names, supplied, lapsedMs, trustedProxies = [] }: HubOptions,
  ports: HubPorts,
  teardown: Teardown,
): Promise<HubProgram> {
  const { clock, random, log, software } = ports;
  const files = await openFileStorage(dataDir);
  const lock = await lockFolder(dataDir);
  const storage = lock.guard(files);
  teardown.add('lock', () => lock.release());
  await finishRestore(dataDir, random);
  const flash = new Flash({ clock });
  const kept = await openStore<AllTables>(storage, {
    ...{ clock, random, log, flash },
    rowsMax: HUB_LIMITS.storeRows,
  });
  teardown.add('store', () => kept.close());
  const audit = new AuditTrail(tablesOf<AuditTables, AllTables>(kept), { clock, log });
  const store = audited(kept, audit);
  const { refused } = new Refusals(audit, clock);
  const histories = new NodeHistories({
    store: tablesOf<SeriesTables, AllTables>(store),
    storageOf: async (node) => flash.over(await openFileStorage(join(dataDir, 'history', node))),
    ...{ clock, log },
  });
  teardown.add('history', () => histories.close());
  const uptime = await readUptime(clock);
  const fleet = await DeviceController.open({
    store: new EmbeddedHubStore(store, histories),
    ...{ clock, random, log, refused },
    ...(uptime === undefined ? {} : { uptime }),
  });
  teardown.add('devicecontroller', () => fleet.stop());

  const folder = authorityFolder(dataDir);
  const authority = await Authority.open({ folder, clock, random, log });
  const care = new AuthorityCare({ folder, clock, random });
  const keeper = new IssuingKeeper({ authority, renew: () => care.newIssuing(), clock, log });
  const address = parseListenAddress(listen);
  const certificate = new HubCertificate({
    ...{ authority, folder, clock, random, log, supplied },
    names: hubNames(address.host, hostname(), names),
  });
  const identity = await certificate.current();
  const enrolment = new Enrolment({
    store: tablesOf<EnrolmentTables, AllTables>(store),
    ...{ authority, clock, random, log },
    ...(lapsedMs === undefined ? {} : { lapsedMs }),
    hubUrl: (): string => `wss://${publicHost(address.host, names)}:${portOf(listener.address)}`,
  });
  const isNodeAllowed = enrolment.isNodeAllowed.bind(enrolment);
  const listener: NodeListener = await ports.listen({
    listen: address,
    identity,
    clientAuthorities: authority.clientAuthorities,
    onRequest: joinHandler(enrolment, clock),
    admit: isNodeAllowed,
    trustedProxies,
    onForged: (forged) => refused(forgedEntry(forged)),
  });
  const cloudHub = new CloudHub({ fleet, clock, random, log, isNodeAllowed, refused });
  cloudHub.accept(listener);
  teardown.add('cloudhub', () => cloudHub.stop());
  const { forwarder } = ports;
  const forwards = forwarder && new ForwardDesk({ fleet, forwarder, clock, log });
  teardown.add('forwards', () => forwards?.stop());

  const apiServer = new ApiServer({
    ...{ fleet, clock, random, log, software, dataDir, listen: api },
    commands: new CommandDesk(fleet, random),
    devices: new DeviceDesk(fleet),
    care: fleet,
    ...(forwards === undefined ? {} : { forwards }),
    histories: new HistoryDesk(fleet, histories),
    operators: new Operators(tablesOf<OperatorTables, AllTables>(store), { clock, random, audit }),
    audit,
    refused,
    identities: new EnrolmentDesk({
      enrolment,
      authority,
      log,
      audit,
      cut: (node) => cloudHub.cutOff(node),
    }),
    createJoinToken: (request) => enrolment.createToken(request),
    health: () => {
      const { alarm } = store.stats();
      const { alarms, warnings } = healthOf(keeper.concern);
      return { alarms: alarm === undefined ? alarms : [alarm, ...alarms], warnings };
    },
    backup: () => {
      const made = isoTime(clock.wallTime()) ?? '';
      return backupOfStore(store, { program: 'edgetwin-hub', software, made });
    },
    metrics: () => [
      ...hubMetrics({
        ...{ counters: cloudHub.counters, store: store.stats(), fleet },
        history: histories.stats(),
      }),
      ...doorMetrics(listener.doors?.() ?? []),
      ...(forwards === undefined ? [] : forwardMetrics(forwards.counts)),
      ...authorityMetrics(authority),
    ],
    ...(isLoopback(parseListenAddress(api).host)
      ? {}
      : { tls: { key: identity.key, cert: identity.certificate } }),
  });
  const { url } = await apiServer.start();
  teardown.add('api', () => apiServer.stop());
  sayExposed(log, { name: 'api', ...parseListenAddress(api) }, EXPOSED_API);
  const watch = new PkiWatch(
    { authority, certificate, keeper, clock, log },
    identity,
    (changed) => {
      listener.setAuthorities(authority.clientAuthorities);
      listener.setIdentity(changed);
      apiServer.setTls({ key: changed.key, cert: changed.certificate });
    },
  );
  watch.start();
  teardown.add('pki', () => watch.stop());
  return { listenAddress: listener.address, apiUrl: url, stop: () => teardown.run() };
}

/** What is said when operators are served beyond this machine; gateways always are. */
const EXPOSED_API = {
  protection: 'HTTPS of the hub’s own authority, tokens of operators',
  hint: 'Set --api to 127.0.0.1:7080 unless operators reach it from elsewhere.',
} as const;

/** What gateways dial: a given name first, never a wildcard. */
function publicHost(listenHost: string, names: readonly string[]): string {
  const wildcard = listenHost === '0.0.0.0' || listenHost === '::';
  const host = names[0] ?? (wildcard ? hostname() : listenHost);
  return host.includes(':') ? `[${host}]` : host;
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}
