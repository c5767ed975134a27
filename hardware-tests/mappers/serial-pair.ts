import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '#mappers/compliance.js';

const SLAVE = fileURLToPath(
  new URL('../../../hardware-tests/mappers/pymodbus-slave.py', import.meta.url),
);
/** Debian's own interpreter: python3-pymodbus is installed for it alone. */
const PYTHON = '/usr/bin/python3';

export const hasSocat = spawnSync('socat', ['-V']).status === 0;
export const hasPymodbus =
  spawnSync(PYTHON, ['-c', 'import pymodbus, serial_asyncio']).status === 0;

/** Two pseudo-terminals joined by socat, as a serial cable with an adapter at each end. */
export class SerialPair {
  readonly master: string;
  readonly slave: string;
  readonly #folder: string;
  #socat: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
    this.master = join(folder, 'master');
    this.slave = join(folder, 'slave');
  }

  static async open(): Promise<SerialPair> {
    const pair = new SerialPair(await mkdtemp(join(tmpdir(), 'edgetwin-serial-')));
    await pair.plugIn();
    return pair;
  }

  async plugIn(): Promise<void> {
    const end = (link: string): string => `pty,raw,echo=0,link=${link}`;
    this.#socat = spawn('socat', [end(this.master), end(this.slave)], { stdio: 'ignore' });
    await until('the pseudo-terminals are there', () =>
      [this.master, this.slave].every((link) => existsSync(link)),
    );
  }

  /** Both ends hang up and their device files vanish, as when the adapter is pulled out. */
  async unplug(): Promise<void> {
    const socat = this.#socat;
    this.#socat = undefined;
    if (socat === undefined) return;
    socat.kill('SIGTERM');
    await once(socat, 'exit');
    await until('the links are gone', () => !existsSync(this.master));
  }

  async close(): Promise<void> {
    await this.unplug();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Starts pymodbus as units 1 and 2 on a line; resolves with the way to stop it. */
export async function startPymodbus(port: string, baudRate: number): Promise<() => Promise<void>> {
  const python = spawn(PYTHON, [SLAVE, port, String(baudRate)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(python.stdout, 'data');
  return async () => {
    if (python.exitCode !== null || python.signalCode !== null) return;
    python.kill('SIGKILL');
    await once(python, 'exit');
  };
}
