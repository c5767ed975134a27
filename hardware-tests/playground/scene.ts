import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeviceDocument } from '#protocol/twin-document.js';
import { EDGETWIN, EDGETWIN_HUB, METER, mustRun, Program } from '../programs.js';

const METER_DOCUMENTS = fileURLToPath(
  new URL('../../../hardware-tests/playground/meter.yaml', import.meta.url),
);

/** A simulated meter, a hub and a joined gateway: three processes in a folder of their own. */
export class Scene {
  readonly folder: string;
  readonly #programs: Program[] = [];
  apiUrl = '';
  broker = '';
  operator = '';

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** `say` hears each step as it is done. */
  static async start(say: (step: string) => void): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(tmpdir(), 'edgetwin-playground-')));
    try {
      await scene.#start(say);
      return scene;
    } catch (error) {
      await scene.stop();
      throw error;
    }
  }

  get config(): string {
    return join(this.folder, 'gateway.yaml');
  }

  get hubData(): string {
    return join(this.folder, 'hub');
  }

  /** Rejects when one of the programs ends by itself. */
  async failure(): Promise<never> {
    const name = await Promise.race(
      this.#programs.map(async (program) => {
        const { code, signal } = await program.exited;
        return `${program.name} ended (${code ?? signal})\n${program.log.slice(-20).join('\n')}`;
      }),
    );
    throw new Error(name);
  }

  async devices(): Promise<readonly DeviceDocument[]> {
    const response = await this.#request('GET', 'devices');
    return ((await response.json()) as { devices: DeviceDocument[] }).devices;
  }

  async setDesired(device: string, property: string, value: unknown): Promise<void> {
    await this.#request('PUT', `devices/${device}/properties/${property}/desired`, { value });
  }

  /** Gateway first, so that it says goodbye; true when every program ended orderly. */
  async stop(): Promise<boolean> {
    let orderly = true;
    for (const program of this.#programs.splice(0).reverse())
      orderly = (await program.stop()) === 0 && orderly;
    await rm(this.folder, { recursive: true, force: true });
    return orderly;
  }

  async #start(say: (step: string) => void): Promise<void> {
    const [meter, hub] = await Promise.all([
      this.#program('meter', METER, ['--port', '0', '--json']),
      this.#program('hub', EDGETWIN_HUB, [
        ...['run', '--json', '--data', this.hubData],
        ...['--listen', '127.0.0.1:0', '--api', '127.0.0.1:0'],
      ]),
    ]);
    this.apiUrl = hub.address('api');
    say(`meter    simulated, Modbus TCP at ${meter.address('address')}`);
    say(`hub      gateways at ${hub.address('listen')}, API at ${this.apiUrl}`);
    await this.#configure(meter.address('address'));
    const data = ['--data', this.hubData];
    const [operator, token] = await Promise.all([
      mustRun(EDGETWIN_HUB, [
        ...['operator', 'create', ...data, '--name', 'playground', '--role', 'operator'],
      ]),
      mustRun(EDGETWIN_HUB, ['token', 'create', ...data, '--node', 'playground']),
    ]);
    this.operator = operator;
    await mustRun(EDGETWIN, ['join', '--config', this.config, '--token', token]);
    const gateway = await this.#program('gateway', EDGETWIN, [
      ...['run', '--json', '--config', this.config],
    ]);
    this.broker = gateway.address('broker');
    say(`gateway  joined as "playground", MQTT at ${this.broker}`);
  }

  async #configure(meter: string): Promise<void> {
    const port = meter.slice(meter.lastIndexOf(':') + 1);
    const documents = await readFile(METER_DOCUMENTS, 'utf8');
    await writeFile(join(this.folder, 'meter.yaml'), documents.replace(/\b5020\b/g, port));
    await writeFile(
      this.config,
      JSON.stringify({
        node: 'playground',
        dataDir: 'gateway',
        broker: { listen: '127.0.0.1:0' },
        api: { listen: '127.0.0.1:0' },
        devices: ['meter.yaml'],
      }),
    );
  }

  async #program(name: string, script: string, args: readonly string[]): Promise<Program> {
    const program = await Program.start(name, script, args);
    this.#programs.push(program);
    return program;
  }

  async #request(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.apiUrl}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.operator}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  }
}
