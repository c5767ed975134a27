import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flagsOf } from './bundle.js';
import { EDGETWIN, mustRun, Program, type LaunchOptions } from './programs.js';

/** One gateway of a site with several: its own folder, addresses that survive restarts. */
export class SiteGateway {
  readonly node: string;
  readonly folder: string;
  readonly broker: string;
  readonly api: string;
  program: Program | undefined;

  constructor(node: string, folder: string, brokerPort: number, apiPort: number) {
    this.node = node;
    this.folder = folder;
    this.broker = `127.0.0.1:${brokerPort}`;
    this.api = `127.0.0.1:${apiPort}`;
  }

  get config(): string {
    return join(this.folder, 'gateway.yaml');
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  /** Writes the configuration, with `more` keys in it, and joins the hub that the token is of. */
  async join(devices: string, token: string, more: object): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeFile(join(this.folder, 'devices.yaml'), devices);
    const document = {
      node: this.node,
      dataDir: 'data',
      broker: { listen: this.broker },
      api: { listen: this.api },
      devices: ['devices.yaml'],
      ...more,
    };
    await writeFile(this.config, JSON.stringify(document));
    await mustRun(EDGETWIN, ['join', '--config', this.config, '--token', token]);
  }

  launch(options: LaunchOptions = {}): Program {
    const args = ['run', '--json', '--config', this.config];
    this.program = Program.launch(this.node, EDGETWIN, args, {
      execArgv: flagsOf(EDGETWIN),
      ...options,
    });
    return this.program;
  }

  async start(options: LaunchOptions = {}): Promise<void> {
    await this.launch(options).ready();
  }

  async kill(): Promise<void> {
    await this.program?.kill();
  }

  /** A document of the local interface. */
  async get<T>(path: string): Promise<T> {
    const response = await fetch(`http://${this.api}/api/v1/${path}`);
    if (response.status !== 200) throw new Error(`${this.node} answered ${response.status}`);
    return (await response.json()) as T;
  }
}
