import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../link.js';
import { compiled, hasLibmodbus, source } from './compiled.js';
import { hasPymodbus } from './serial-pair.js';

/** Where a slave that others wrote answers: a serial port, or a TCP port on the loopback. */
export type Place = { readonly port: string; readonly baudRate: number } | 'tcp';

export interface ForeignSlave {
  readonly units: readonly number[];
  /** On TCP; 0 on a serial line. */
  readonly tcpPort: number;
  stop(): Promise<void>;
}

/** Slaves by the name of who wrote them, as far as this machine has them. */
export const FOREIGN_SLAVES: Readonly<
  Record<
    string,
    { readonly isThere: boolean; readonly start: (place: Place) => Promise<ForeignSlave> }
  >
> = {
  pymodbus: {
    isThere: hasPymodbus,
    start: async (place) => {
      const units = Array.from({ length: 16 }, (_, index) => index + 1);
      const tcpPort = place === 'tcp' ? await freePort() : 0;
      const where = place === 'tcp' ? ['tcp', tcpPort] : [place.port, place.baudRate];
      const words = [source('pymodbus-slave.py'), ...where, units.length].map(String);
      return { units, tcpPort, stop: await started('/usr/bin/python3', words) };
    },
  },
  libmodbus: {
    isThere: hasLibmodbus(),
    start: async (place) => {
      const unit = 7;
      const tcpPort = place === 'tcp' ? await freePort() : 0;
      const where = place === 'tcp' ? ['tcp', tcpPort] : ['rtu', place.port, place.baudRate];
      const { program, remove } = compiled('libmodbus-slave');
      const stop = await started(program, [...where, unit].map(String));
      const clean = async (): Promise<void> => {
        await stop();
        remove();
      };
      return { units: [unit], tcpPort, stop: clean };
    },
  },
};

async function started(program: string, words: readonly string[]): Promise<() => Promise<void>> {
  const child: ChildProcess = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  if (child.stdout !== null) await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
}
