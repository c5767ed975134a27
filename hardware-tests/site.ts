import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flagsOf } from './bundle.js';
import { freePort, Link } from './link.js';
import { EDGETWIN, EDGETWIN_HUB, mustRun, Program, type LaunchOptions } from './programs.js';
import { SiteGateway } from './site-gateway.js';

export interface SiteOptions {
  /** Device documents, YAML. */
  readonly devices: string;
  readonly node?: string;
  /** Puts a link that can be cut between gateway and hub. */
  readonly link?: boolean;
}

/**
 * A hub and a gateway on this machine as real processes with real certificates, joined, in a
 * folder of their own. Addresses stay the same over restarts, so that either can be killed.
 */
export class Site {
  readonly folder: string;
  readonly broker: string;
  readonly gatewayApi: string;
  readonly link: Link | undefined;
  readonly #hubListen: string;
  readonly #hubApi: string;
  #hubFlags: readonly string[] = [];
  hubData: string;
  hub: Program | undefined;
  gateway: Program | undefined;
  operator = '';

  private constructor(folder: string, ports: readonly number[], link: Link | undefined) {
    const [listen = 0, api = 0, broker = 0, gatewayApi = 0] = ports;
    this.folder = folder;
    this.hubData = join(folder, 'hub');
    this.#hubListen = `127.0.0.1:${listen}`;
    this.#hubApi = `127.0.0.1:${api}`;
    this.broker = `127.0.0.1:${broker}`;
    this.gatewayApi = `127.0.0.1:${gatewayApi}`;
    this.link = link;
  }

  /** The hub alone: gateways are joined one by one. `more`: flags of the hub's `run`. */
  static async startHubOnly(hubData?: string, more: readonly string[] = []): Promise<Site> {
    const site = await Site.#create(undefined);
    site.hubData = hubData ?? site.hubData;
    site.#hubFlags = more;
    try {
      await site.#openHub();
    } catch (error) {
      await site.stop();
      throw error;
    }
    return site;
  }

  static async start(options: SiteOptions): Promise<Site> {
    const site = await Site.#create(options);
    try {
      await site.#prepare(options);
      await site.startGateway();
    } catch (error) {
      await site.stop();
      throw error;
    }
    return site;
  }

  static async #create(options: SiteOptions | undefined): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), 'edgetwin-'));
    const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const link =
      options?.link === true ? await Link.open('127.0.0.1:0', `127.0.0.1:${ports[0]}`) : undefined;
    return new Site(folder, ports, link);
  }

  get config(): string {
    return join(this.folder, 'gateway.yaml');
  }

  get apiUrl(): string {
    return `http://${this.#hubApi}`;
  }

  async startHub(options: LaunchOptions = {}): Promise<void> {
    await this.launchHub(options).ready();
  }

  launchHub(options: LaunchOptions = { execArgv: flagsOf(EDGETWIN_HUB) }): Program {
    const args = [
      ...['run', '--json', '--data', this.hubData],
      ...['--listen', this.#hubListen, '--api', this.#hubApi],
      ...this.#hubFlags,
    ];
    this.hub = Program.launch('hub', EDGETWIN_HUB, args, options);
    return this.hub;
  }

  /** One more gateway of this hub, not started yet. */
  async join(node: string, devices: string, more: object = {}): Promise<SiteGateway> {
    const [broker, api] = await Promise.all([freePort(), freePort()]);
    const gateway = new SiteGateway(node, join(this.folder, node), broker, api);
    const data = ['--data', this.hubData];
    const token = await mustRun(EDGETWIN_HUB, ['token', 'create', ...data, '--node', node]);
    await gateway.join(devices, token, more);
    return gateway;
  }

  /** By default the program as it is installed, with the flags of its first line. */
  async startGateway(script = EDGETWIN): Promise<void> {
    const args = ['run', '--json', '--config', this.config];
    this.gateway = await Program.start('gateway', script, args, { execArgv: flagsOf(script) });
  }

  /** A request to the hub's API as the operator; the parsed body. */
  async request(path: string, init: { method?: string; body?: unknown } = {}): Promise<Answer> {
    const response = await fetch(`${this.apiUrl}/api/v1/${path}`, {
      method: init.method ?? 'GET',
      headers: { authorization: `Bearer ${this.operator}`, 'content-type': 'application/json' },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  /** Stops what runs, in order, and removes the folder. Exit codes of gateway and hub. */
  async stop(): Promise<{ gateway: number | null; hub: number | null }> {
    const gateway = (await this.gateway?.stop()) ?? null;
    const hub = (await this.hub?.stop()) ?? null;
    await this.link?.close();
    await rm(this.folder, { recursive: true, force: true });
    return { gateway, hub };
  }

  async #prepare(options: SiteOptions): Promise<void> {
    const node = options.node ?? 'pi-1';
    const data = ['--data', this.hubData];
    await writeFile(join(this.folder, 'devices.yaml'), options.devices);
    await writeFile(
      this.config,
      JSON.stringify({
        node,
        dataDir: 'gateway',
        broker: { listen: this.broker },
        api: { listen: this.gatewayApi },
        devices: ['devices.yaml'],
        ...(this.link === undefined ? {} : { hub: `wss://${this.link.address}` }),
      }),
    );
    await this.#openHub();
    const token = await mustRun(EDGETWIN_HUB, ['token', 'create', ...data, '--node', node]);
    await mustRun(EDGETWIN, ['join', '--config', this.config, '--token', token]);
  }

  async #openHub(): Promise<void> {
    await this.startHub();
    this.operator = await mustRun(EDGETWIN_HUB, [
      ...['operator', 'create', '--data', this.hubData, '--name', 'test', '--role', 'operator'],
    ]);
  }
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asks until `done` accepts; the last answer is in the error when it never does. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  done: (answer: T) => boolean,
  timeoutMs = 150_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (done(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  } while (performance.now() < deadline);
  throw new Error(`${what} never came true; last: ${JSON.stringify(last)}`, {
    cause: last,
  });
}
