import { join } from 'node:path';
import type { Clock } from '#protocol/clock.js';
import { CONTROL_FILE } from '#protocol/command-line/control-client.js';
import { EdgeError } from '#protocol/errors.js';
import { isLoopback, parseListenAddress } from '#protocol/listen-address.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { StandingFile } from '#journal/standing-file.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import type { Refused } from '../audit/refusals.js';
import type { Commands, Fleet, Forwards, Histories, HubDevices, NodeCare } from '../fleet.js';
import type { IdentityDesk } from '../enrolment/identity-desk.js';
import { adminRoutes } from './admin-routes.js';
import type { CreateJoinToken } from './admin-routes.js';
import { alarmRoutes } from './alarm-routes.js';
import { createApp } from './app.js';
import { auditRoutes } from './audit-routes.js';
import { backupRoute } from './backup-route.js';
import { commandRoutes } from './command-routes.js';
import { deviceRoutes } from './device-routes.js';
import { FailureLimit } from './failure-limit.js';
import { ForwardFeeds, forwardRoutes } from './forward-routes.js';
import { fleetRoutes } from './fleet-routes.js';
import { historyRoutes } from './history-routes.js';
import { Gate } from './gate.js';
import { identityRoutes } from './identity-routes.js';
import { API_LIMITS } from './limits.js';
import type { ApiLimits } from './limits.js';
import { Listener } from './listener.js';
import type { TlsIdentity } from './listener.js';
import { MetricsPage } from './metrics.js';
import type { MetricFamily } from './metrics.js';
import { newToken } from './operators.js';
import type { Operators } from './operators.js';
import { serviceRoutes } from './service-routes.js';
import type { Health } from './service-routes.js';
import { RequestRate } from './request-rate.js';
import type { Route } from './route.js';
import { Watches, watchRoute } from './watch.js';

export interface ApiServerOptions {
  readonly fleet: Fleet;
  /** Absent: this interface takes no commands. */
  readonly commands?: Commands;
  /** Absent: alarms cannot be cleared here. */
  readonly care?: NodeCare;
  /** Absent: no devices can be created here. */
  readonly devices?: HubDevices;
  /** Absent: nobody can be revoked here. */
  readonly identities?: IdentityDesk;
  /** Absent: nothing can be forwarded through gateways. */
  readonly forwards?: Forwards;
  /** Absent: this interface serves no history. */
  readonly histories?: Histories;
  readonly operators: Operators;
  readonly createJoinToken: CreateJoinToken;
  /** Absent: nothing is recorded but what the store records by itself. */
  readonly audit?: AuditTrail;
  /** Told of wrong tokens, and of what a token does not allow. */
  readonly refused?: Refused;
  readonly health: () => Health;
  /** The bytes of a backup of the rows as they are now. Absent: this interface makes none. */
  readonly backup?: () => AsyncIterable<Uint8Array>;
  /** What the rest of the hub counts; this server adds its own. */
  readonly metrics: () => readonly MetricFamily[];
  /** `HOST:PORT`; port 0: any. Anything but loopback needs `tls`. */
  readonly listen: string;
  /** With it the interface is HTTPS only. */
  readonly tls?: TlsIdentity;
  /** Where the control file is kept while this server runs. */
  readonly dataDir: string;
  readonly software: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: ApiLimits;
}

/**
 * The REST interface of the hub. The command line on the same machine finds it through the
 * control file, always over plain loopback: with TLS a second listener serves that alone.
 */
export class ApiServer {
  readonly routes: readonly Route[];
  readonly #options: ApiServerOptions;
  readonly #limits: ApiLimits;
  readonly #watches: Watches;
  readonly #feeds: ForwardFeeds | undefined;
  readonly #gate: Gate;
  readonly #rate: RequestRate;
  readonly #controlToken: string;
  readonly #controlFile: StandingFile;
  readonly #answers = new Map<string, number>();
  #listeners: Listener[] = [];

  constructor(options: ApiServerOptions) {
    const { fleet, operators, clock, random } = options;
    this.#options = options;
    this.#limits = options.limits ?? API_LIMITS;
    this.#controlToken = newToken(random);
    this.#controlFile = new StandingFile(join(options.dataDir, CONTROL_FILE), options);
    this.#rate = new RequestRate(this.#limits);
    this.#gate = new Gate(
      operators,
      this.#controlToken,
      { failures: new FailureLimit(this.#limits), rate: this.#rate },
      options.refused,
    );
    this.#watches = new Watches(fleet, clock, this.#limits);
    const { forwards } = options;
    this.#feeds = forwards && new ForwardFeeds(forwards, clock, this.#limits);
    const metrics = new MetricsPage(() => [...options.metrics(), ...this.#metrics()]);
    const describe = () => ({ routes: this.routes, version: options.software });
    this.routes = [
      ...fleetRoutes(fleet),
      ...(options.commands === undefined ? [] : commandRoutes(options.commands)),
      ...(options.care === undefined ? [] : alarmRoutes(options.care, options.audit)),
      ...(options.devices === undefined ? [] : deviceRoutes(options.devices)),
      ...(this.#feeds === undefined ? [] : forwardRoutes(this.#feeds, options.audit)),
      ...(options.histories === undefined ? [] : historyRoutes(fleet, options.histories, clock)),
      watchRoute(this.#watches),
      ...adminRoutes(operators, options.createJoinToken, options.audit),
      ...(options.identities === undefined ? [] : identityRoutes(options.identities)),
      ...(options.audit === undefined ? [] : auditRoutes(options.audit, clock)),
      ...(options.backup === undefined
        ? []
        : [backupRoute(options.backup, clock, this.#limits, options.audit)]),
      ...serviceRoutes(options.health, metrics, describe),
    ];
  }

  /** Rejects with EDGE_CONFIG for a public address without TLS, EDGE_CONNECTION. */
  async start(): Promise<{ readonly url: string }> {
    const { listen, tls, clock, log } = this.#options;
    const { host, port } = parseListenAddress(listen);
    if (tls === undefined && !isLoopback(host))
      throw new EdgeError('EDGE_CONFIG', `${listen} can be reached by others and has no TLS`, {
        hint: 'Listen on 127.0.0.1 and put a TLS proxy in front, or give a key and certificate.',
      });
    const app = createApp({
      routes: this.routes,
      gate: this.#gate,
      bodyBytesMax: this.#limits.bodyBytes,
      clock,
      log,
      answered: (path, status) => this.#count(path, status),
    });
    const common = { fetch: app.fetch, limits: this.#limits, clock };
    const main = await Listener.open({
      ...common,
      host,
      port,
      ...(tls === undefined ? {} : { tls }),
    });
    this.#listeners = [main];
    if (tls !== undefined)
      this.#listeners.push(await Listener.open({ ...common, host: '127.0.0.1', port: 0 }));
    const control = this.#listeners.at(-1) ?? main;
    await this.#controlFile.put(
      `${JSON.stringify({ url: control.url, token: this.#controlToken, pid: process.pid })}\n`,
    );
    log.info('api-listening', { url: main.url });
    return { url: main.url };
  }

  /** Another certificate for the public door, from the next handshake on. */
  setTls(tls: TlsIdentity): void {
    for (const listener of this.#listeners) listener.setTls(tls);
  }

  /** Ends watches and answers under way within about a second. */
  async stop(): Promise<void> {
    await this.#controlFile.remove();
    this.#watches.closeAll();
    this.#feeds?.closeAll();
    await Promise.all(this.#listeners.map((listener) => listener.stop()));
    this.#listeners = [];
  }

  #count(path: string, status: number): void {
    const key = `${path} ${status}`;
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1);
  }

  /** Paths are the table's, never what a client wrote, so the number of series is bounded. */
  #metrics(): readonly MetricFamily[] {
    const watches = this.#watches.counters();
    const sum = (of: (listener: Listener) => number): number =>
      this.#listeners.reduce((total, listener) => total + of(listener), 0);
    const answers = [...this.#answers].map(([key, value]) => {
      const [path = '', status = ''] = key.split(' ');
      return { labels: { path, status }, value };
    });
    return [
      counter('edgetwin_api_answers_total', 'Answers by path and status.', answers),
      counter('edgetwin_api_failed_tokens_total', 'Requests with a wrong token.', [
        { value: this.#gate.failed },
      ]),
      counter('edgetwin_api_rate_limited_total', 'Requests of operators who asked too often.', [
        { value: this.#rate.refused },
      ]),
      counter('edgetwin_api_connections_evicted_total', 'Idle connections closed for new ones.', [
        { value: sum((listener) => listener.evicted) },
      ]),
      gauge(
        'edgetwin_api_connections',
        'Open connections.',
        sum((l) => l.connections),
      ),
      gauge('edgetwin_api_watches', 'Open watches.', watches.open),
      counter('edgetwin_api_watches_total', 'Watches ever opened.', [{ value: watches.opened }]),
      counter('edgetwin_api_watches_cut_total', 'Watches cut because they read too slowly.', [
        { value: watches.cut },
      ]),
    ];
  }
}

function counter(name: string, help: string, samples: MetricFamily['samples']): MetricFamily {
  return { name, help, type: 'counter', samples };
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ value }] };
}
