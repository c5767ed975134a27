import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '#protocol/clock.js';
import { sleep } from '#protocol/clock.js';
import { CONTROL_FILE } from '#protocol/command-line/control-client.js';
import { ConnectionAdmission } from '#protocol/connection-admission.js';
import { EdgeError } from '#protocol/errors.js';
import type { ListenAddress } from '#protocol/listen-address.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { StandingFile } from '#journal/standing-file.js';
import type { AlarmBook } from '../alarms/alarm-book.js';
import type { TwinAccess } from '../devicetwin/twin-access.js';
import { Backups } from './backups.js';
import { checkHost, checkToken, isLocal, sendProblem } from './exchange.js';
import { METASERVER_LIMITS } from './limits.js';
import type { MetaServerLimits } from './limits.js';
import { findRoute, routesOf } from './routes.js';
import type { Route } from './routes.js';
import type { GatewayStatus } from './status.js';
import type { SampleSource } from './history-answer.js';
import { Watches } from './watch.js';

export interface MetaServerOptions {
  readonly twins: TwinAccess;
  /** Absent: nothing here has a history. */
  readonly history?: SampleSource | undefined;
  readonly status: () => GatewayStatus;
  /** Port 0: any. Elsewhere than on loopback every request but /healthz needs the token. */
  readonly listen: ListenAddress;
  /** Where the control file is kept while this server runs. */
  readonly dataDir: string;
  /** Absent: alarms cannot be cleared here. */
  readonly alarms?: Pick<AlarmBook, 'clear'>;
  /** The bytes of a backup of the rows as they are now. */
  readonly backup?: () => AsyncIterable<Uint8Array>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<MetaServerLimits>;
}

const TOKEN_BYTES = 32;
/** Answers under way when a stop begins get this long. */
const STOP_GRACE_MS = 1_000;

/** The gateway's own REST interface: twins, status and metrics for this machine, without the hub. */
export class MetaServer {
  readonly #options: MetaServerOptions;
  readonly #limits: MetaServerLimits;
  readonly #token: string;
  readonly #controlFile: StandingFile;
  readonly #routes: readonly Route[];
  readonly #watches: Watches;
  readonly #server: Server;
  readonly #admission: ConnectionAdmission<Socket>;
  #requests = 0;
  #refused = 0;

  constructor(options: MetaServerOptions) {
    const { twins, history, status, clock, random } = options;
    const limits = { ...METASERVER_LIMITS, ...options.limits };
    this.#options = options;
    this.#limits = limits;
    this.#token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url');
    this.#controlFile = new StandingFile(join(options.dataDir, CONTROL_FILE), options);
    this.#watches = new Watches(twins, clock, limits);
    const counters = () => this.#counters();
    const backups = options.backup === undefined ? undefined : new Backups(options.backup);
    this.#routes = routesOf({
      ...{ twins, history, status, watches: this.#watches, limits, counters, backups },
      alarms: options.alarms,
      wallTime: () => clock.wallTime(),
    });
    this.#admission = new ConnectionAdmission(limits.connections);
    this.#server = this.#createServer();
  }

  /** Rejects with EDGE_CONFIG when the address cannot be listened on. */
  async start(): Promise<{ readonly url: string }> {
    const { listen, log } = this.#options;
    await this.#listen(listen);
    const { port } = this.#server.address() as AddressInfo;
    const url = urlOf(listen.host, port);
    const everywhere = listen.host === '0.0.0.0' || listen.host === '::';
    const control = everywhere ? urlOf('127.0.0.1', port) : url;
    await this.#controlFile.put(
      `${JSON.stringify({ url: control, token: this.#token, pid: process.pid })}\n`,
    );
    log.info('api-listening', { url });
    return { url };
  }

  /** Ends watches and answers under way within about a second. */
  async stop(): Promise<void> {
    const { clock } = this.#options;
    await this.#controlFile.remove();
    this.#watches.closeAll();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    const done = new AbortController();
    await Promise.race([closed, sleep(clock, 'api-stop-grace', STOP_GRACE_MS, done.signal)]);
    done.abort();
    this.#server.closeAllConnections();
    await closed;
  }

  #createServer(): Server {
    const limits = this.#limits;
    const server = createServer({
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
    });
    server.maxHeadersCount = limits.headerCount;
    server.on('connection', (socket) => {
      socket.once('close', () => this.#admission.closed(socket));
      this.#admission.admit(socket)?.destroy();
    });
    server.on('request', (request, response) => {
      this.#admission.busy(request.socket);
      response.once('close', () => this.#admission.idle(request.socket));
      // Node would read the rest of a body that nobody asked for, until the request's time is over.
      response.once('finish', () => {
        if (!request.complete) request.socket.destroySoon();
      });
      void this.#answer(request, response);
    });
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requests++;
    try {
      const [path = '', query = ''] = (request.url ?? '').split('?', 2);
      const { route, params } = findRoute(this.#routes, request.method ?? '', path);
      this.#admit(route, request);
      await route.handle({ params, query: new URLSearchParams(query), request, response });
    } catch (thrown) {
      this.#refused++;
      const error = EdgeError.from(thrown);
      if (!error.remote) this.#options.log.error('request-failed', { error });
      sendProblem(response, error);
    }
  }

  #admit(route: Route, request: IncomingMessage): void {
    const local = isLocal(request);
    if (local) checkHost(request);
    const free = route.access === 'open' || (route.access === 'read' && local);
    if (!free) checkToken(request, this.#token);
  }

  #counters(): Readonly<Record<string, number>> {
    return {
      requests: this.#requests,
      refused: this.#refused,
      watches: this.#watches.opened,
      watchesCut: this.#watches.cut,
      connectionsEvicted: this.#admission.evicted,
    };
  }

  async #listen({ host, port }: ListenAddress): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(
          new EdgeError('EDGE_CONFIG', `the local API cannot listen on ${host}:${port}`, {
            cause,
            hint: 'Change api.listen, or stop the program that uses this port.',
          }),
        ),
      );
      this.#server.listen(port, host, resolve);
    });
  }
}

function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
