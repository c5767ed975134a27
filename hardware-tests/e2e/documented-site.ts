import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { freePort } from '../link.js';
import { EDGETWIN, EDGETWIN_HUB, METER, mustRun, Program } from '../programs.js';
import { eventually, Site } from '../site.js';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Milliseconds for one command of the documentation. */
const COMMAND_MS = 150_000;

const PUMP = `---
apiVersion: devices.kubeedge.io/v1beta1
kind: DeviceModel
metadata: { name: pump }
spec:
  properties:
    - { name: ml, type: INT, accessMode: ReadOnly, minimum: '0', maximum: '1000' }
---
apiVersion: devices.kubeedge.io/v1beta1
kind: Device
metadata: { name: pump-1 }
spec:
  deviceModelRef: { name: pump }
  methods:
    - { name: dose, description: Gives one dose., propertyNames: [ml] }
  protocol:
    protocolName: modbus
    configData: { communicateMode: TCP, ip: 127.0.0.1, port: '5020', slaveID: 1 }
  properties:
    - name: ml
      visitors: { protocolName: modbus, configData: { register: HoldingRegister, offset: 0, dataType: uint16 } }
`;

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/**
 * What the pages of the documentation speak of: a hub in `./hub`, a gateway `pi-1` of
 * `./gateway.yaml` with the devices `meter-1` and `pump-1` and, made at the hub by `pumps.yaml`,
 * `pump-2`, an admin's token in `$TOKEN`, the
 * two programs by their names, and the devices of `./meters.yaml` on a bus of their own, of which
 * the gateway serves those whose names it has not given already.
 */
export class DocumentedSite {
  readonly #site: Site;
  readonly #meter: Program;
  #bus: ChildProcess | undefined;
  readonly #env: NodeJS.ProcessEnv;
  readonly #ports: ReadonlyMap<string, string>;

  private constructor(site: Site, meter: Program, token: string, hubPort: string, busPort: number) {
    this.#site = site;
    this.#meter = meter;
    this.#env = {
      ...process.env,
      TOKEN: token,
      PATH: `${join(site.folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    };
    this.#ports = new Map([
      ['7443', hubPort],
      ['7080', new URL(site.apiUrl).port],
      ['1883', portOf(site.broker)],
      ['10550', portOf(site.gatewayApi)],
      ['5020', String(busPort)],
      ['192.0.2.7', '127.0.0.1'],
    ]);
  }

  static async start(): Promise<DocumentedSite> {
    const port = await freePort();
    const meter = await Program.start('meter', METER, ['--port', String(port), '--json']);
    const yaml = await readFile(join(ROOT, 'hardware-tests/playground/meter.yaml'), 'utf8');
    const devices = `${yaml.replace('name: power, type: FLOAT', 'name: power, history: true, type: FLOAT')}${PUMP}`;
    const busPort = await freePort();
    const site = await Site.start({
      devices: `${devices.replaceAll("'5020'", `'${port}'`)}${await busDevices(busPort)}`,
    });
    const admin = ['operator', 'create', '--data', site.hubData, '--name', 'docs'];
    const token = await mustRun(EDGETWIN_HUB, [...admin, '--role', 'admin']);
    const hubPort = portOf(site.hub?.address('listen') ?? '');
    const documented = new DocumentedSite(site, meter, token, hubPort, busPort);
    await documented.#prepare();
    return documented;
  }

  async stop(): Promise<void> {
    this.#bus?.kill();
    await this.#site.stop();
    await this.#meter.stop();
  }

  /** Runs a block of a page as a person would who stands in the folder of gateway and hub. */
  async run(block: string): Promise<Ended> {
    const child = spawn('bash', ['-euo', 'pipefail', '-c', this.#here(block)], {
      cwd: this.#site.folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    clearTimeout(timer);
    return { code, output: `${out}${err}` };
  }

  /** Addresses and folders as they are here. */
  #here(block: string): string {
    const folder = this.#site.folder;
    let here = block
      .replaceAll('/var/lib/edgetwin-hub', join(folder, 'hub'))
      .replaceAll('/var/backups', join(folder, 'backups'))
      .replaceAll('/media/usb', join(folder, 'usb'));
    for (const [told, real] of this.#ports)
      here = here.replaceAll(new RegExp(`\\b${told}\\b`, 'g'), real);
    return here;
  }

  async #prepare(): Promise<void> {
    const { folder } = this.#site;
    for (const name of ['bin', 'backups', 'usb']) await mkdir(join(folder, name));
    for (const [name, script] of [
      ['edgetwin', EDGETWIN],
      ['edgetwin-hub', EDGETWIN_HUB],
    ] as const) {
      await writeFile(join(folder, 'bin', name), `#!/bin/sh\nexec node ${script} "$@"\n`);
      await chmod(join(folder, 'bin', name), 0o755);
    }
    await writeFile(join(folder, 'bin', 'npx'), '#!/bin/sh\nexec "$@"\n');
    await chmod(join(folder, 'bin', 'npx'), 0o755);
    await this.#startBus();
    await eventually(
      'both devices at the hub',
      () => this.run('edgetwin-hub devices --data hub'),
      ({ output }) => output.includes('default/pump-1') && !/ 0 {2,}7 /.test(output),
    );
    await eventually(
      'the climate of the bus at the hub',
      () => this.run('edgetwin-hub twin get --data hub default/climate-1 temperature'),
      ({ output }) => output.includes('good'),
    );
    const pump = PUMP.replace('pump-1', 'pump-2').replaceAll(
      'spec:\n  device',
      'spec:\n  nodeName: pi-1\n  device',
    );
    await writeFile(join(folder, 'pumps.yaml'), pump);
    const applied = await this.run('edgetwin-hub apply --data hub -f pumps.yaml');
    if (applied.code !== 0) throw new Error(applied.output);
  }

  /** The bus of docs/mappers.md: its file, and slaves that answer as the devices of it. */
  async #startBus(): Promise<void> {
    await this.run(await metersFile());
    const simulate = this.#here('exec edgetwin mapper simulate meters.yaml --tcp-port 5020');
    this.#bus = spawn('bash', ['-c', simulate], {
      cwd: this.#site.folder,
      env: this.#env,
      stdio: 'ignore',
    });
    await eventually(
      'a slave on the bus',
      () => this.run('edgetwin mapper scan --host 127.0.0.1 --tcp-port 5020 --units 1'),
      ({ code }) => code === 0,
    );
  }
}

/** The block of docs/mappers.md that makes meters.yaml. */
async function metersFile(): Promise<string> {
  const manual = await readFile(join(ROOT, 'docs/mappers.md'), 'utf8');
  const [file = ''] = /^cat > meters\.yaml[^]*?^END$/m.exec(manual) ?? [];
  return file;
}

/** Its devices but the first, whose name the gateway's own meter has. */
async function busDevices(port: number): Promise<string> {
  const [, ...others] = (await metersFile()).replaceAll('5020', String(port)).split('\n---\n');
  return others.map((text) => `---\n${text.replace(/^END$/m, '')}`).join('\n');
}

export function hasTool(tool: string): boolean {
  return spawnSync('which', [tool]).status === 0;
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}
